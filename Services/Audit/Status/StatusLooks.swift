import ServiceLifecycle

/// Lets the keeper look at the board again and again; needs nothing but memory, so it begins before the database is there.
struct StatusLooks: Service {
    let keeper: StatusKeeper

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await keeper.look()
                try? await Task.sleep(for: keeper.interval)
            }
        }
    }
}
