-- The campaigns of one workspace, newest first, among a company's thousands.
create index campaigns_workspace on campaigns (tenant_id, workspace_id, id);
