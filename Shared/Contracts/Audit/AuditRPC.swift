/// What others may ask Audit.
public enum AuditRPC {}
