/// What a route answers that has done its work and has nothing to show.
struct StatusAnswer: Encodable {
    let status: String
}
