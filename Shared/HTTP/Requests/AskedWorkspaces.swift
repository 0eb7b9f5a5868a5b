public import Contracts
public import Hummingbird

extension AppContext {
    /// The workspaces whose things a request asks for: the one that it names, or all that the person may use; nil is every one.
    public func workspaces(askedBy request: Request) throws(Problem) -> [WorkspaceID]? {
        guard let text = request.uri.queryParameters["workspace"] else { return try requireIdentity().workspaces }
        guard let workspace = WorkspaceID(text) else { throw Problem.invalid("workspace must name a workspace.", field: "workspace") }
        _ = try require(atLeast: .viewer, in: workspace)
        return [workspace]
    }
}
