-- Where this database was served last. A start asks there whether another copy of the same installation is being served.
alter table installation add column public_url text; -- with the prefix; null before the first start of this version
