-- row: an address that is named without a text or with two, a text of an address that is not named, or
--   not from that height on, or a code that is listed nowhere.
-- source: address_changes, refused_joins, address_texts, attributes. Above a height, texts that are
--   missing are not looked for: those of addresses named before stand below it.
WITH rows_named AS (
    SELECT address_id, code, since_height AS height
    FROM address_changes
    WHERE since_height >= getvariable('since_height')
    UNION ALL
    SELECT unnest([a, b]), NULL, height
    FROM refused_joins
    WHERE height >= getvariable('since_height')
),
named AS (
    SELECT address_id, min(height) AS first_height
    FROM rows_named
    GROUP BY address_id
),
texts AS (
    SELECT address_id, min(first_height) AS first_height, count(*) AS text_count
    FROM address_texts
    WHERE first_height >= getvariable('since_height')
    GROUP BY address_id
)
SELECT address_id, named.first_height, texts.first_height AS text_height, texts.text_count, NULL AS code
FROM named
FULL JOIN texts USING (address_id)
WHERE texts.text_count > 1
    OR (texts.text_count IS NOT NULL AND named.first_height IS DISTINCT FROM texts.first_height)
    OR (texts.text_count IS NULL AND getvariable('since_height') = 0)
UNION ALL
SELECT NULL, min(height), NULL, NULL, code
FROM rows_named
WHERE code IS NOT NULL AND code NOT IN (SELECT attributes.code FROM attributes)
GROUP BY code;
