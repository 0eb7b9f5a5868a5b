import Hummingbird
import Configuration
import ServiceLifecycle
@main struct Main { static func main() {} }
