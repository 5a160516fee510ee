-- table: profiles
-- definition: the profiles that have results. Materialised, rebuilt after loading, because every
--   metric view asks for them and supply has a row per block.
-- grain: profile
-- source: supply
CREATE OR REPLACE TABLE profiles AS
SELECT DISTINCT profile
FROM supply
ORDER BY profile;
