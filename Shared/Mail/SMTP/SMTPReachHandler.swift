import NIOCore
import Primitives

/// Lets a channel connect to public addresses only: the address that a name turned out to mean is looked at before the first packet leaves.
final class SMTPReachHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func connect(context: ChannelHandlerContext, to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        guard address.ipAddress.map(PublicAddress.isPublic) == true else {
            promise?.fail(NotPublic())
            return
        }
        context.connect(to: address, promise: promise)
    }

    /// Nobody outside hears of it: ``SMTPConnection`` says the same of a server inside as of none.
    struct NotPublic: Error {}
}
