-- view: conflicts
-- definition: joins refused: a is the transaction's first input address, b the refused one.
--   refused_joins with the ids spelled out.
-- unit: block height
-- grain: profile, transaction, a, b
-- source: refused_joins, address_texts; methodology section 4
CREATE OR REPLACE VIEW conflicts AS
SELECT
    refused.profile,
    refused.height,
    lower(hex(refused.txid)) AS txid,
    first.address AS a,
    second.address AS b
FROM refused_joins AS refused
JOIN address_texts AS first ON first.address_id = refused.a
JOIN address_texts AS second ON second.address_id = refused.b;
