-- Of an import's rejected rows how many for which reason, an object of reason to number; null for those from before.
alter table imports add column rejections jsonb;
