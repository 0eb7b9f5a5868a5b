public import Foundation

public enum DeletionKind {}
public typealias DeletionID = EntityID<DeletionKind>

extension AuthEvents {
    /// A company or one of its workspaces is to be deleted; nothing is sent from now on.
    public struct DeletionRequested: Event {
        public static let name = "auth.deletion.requested"
        public var deletion: DeletionID
        public var tenant: TenantID
        /// Nil: the whole company.
        public var workspace: WorkspaceID?
        /// Until then it can be undone.
        public var dueAt: Date

        public init(deletion: DeletionID, tenant: TenantID, workspace: WorkspaceID?, dueAt: Date) {
            self.deletion = deletion
            self.tenant = tenant
            self.workspace = workspace
            self.dueAt = dueAt
        }
    }

    public struct DeletionUndone: Event {
        public static let name = "auth.deletion.undone"
        public var deletion: DeletionID
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(deletion: DeletionID, tenant: TenantID, workspace: WorkspaceID?) {
            self.deletion = deletion
            self.tenant = tenant
            self.workspace = workspace
        }
    }

    /// Every service has removed what it kept.
    public struct DeletionCompleted: Event {
        public static let name = "auth.deletion.completed"
        public var deletion: DeletionID
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(deletion: DeletionID, tenant: TenantID, workspace: WorkspaceID?) {
            self.deletion = deletion
            self.tenant = tenant
            self.workspace = workspace
        }
    }
}
