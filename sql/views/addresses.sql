-- view: addresses
-- definition: one row whenever the attributes of an address change: from since_height on it bears
--   these. address_changes with the id and the code spelled out.
-- unit: block height
-- grain: profile, address, since_height
-- source: address_changes, address_texts, attributes; methodology section 5
CREATE OR REPLACE VIEW addresses AS
SELECT
    changes.profile,
    texts.address,
    attributes.hop,
    attributes.pool,
    attributes.exchange,
    changes.since_height
FROM address_changes AS changes
JOIN address_texts AS texts ON texts.address_id = changes.address_id
JOIN attributes ON attributes.code = changes.code;
