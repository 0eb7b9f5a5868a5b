import Crypto
import Foundation
public import HTTPTypes
public import Hummingbird

/// A small page that works without scripts and loads nothing: what mailed links lead to. All of them have one look, light and dark.
public enum PlainPage {
    /// `title` is text; `body` is HTML, in which the caller has escaped what people wrote. `brand` stands above the page.
    public static func response(
        _ title: String, _ body: String, brand: String? = nil, language: String = "en", status: HTTPResponse.Status = .ok
    ) -> Response {
        let name = brand.map { " – \($0.htmlEscaped)" } ?? ""
        let header = brand.map { "<header>\($0.htmlEscaped)</header>" } ?? ""
        var response = Response.html(
            """
            <!doctype html>
            <html lang="\(language)"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex, nofollow"><title>\(title.htmlEscaped)\(name)</title><style>\(style)</style></head>
            <body>\(header)<main><h1>\(title.htmlEscaped)</h1>
            \(body)
            </main></body></html>
            """, status: status)
        response.headers[.contentSecurityPolicy] = policy
        return response
    }

    private static let style = """
        :root{color-scheme:light dark;--ground:#f6f7f9;--page:#fff;--text:#171b21;--quiet:#5a6472;--line:#dfe3e8;--edge:#868f9c;--accent:#1f5fd6;\
        --on-accent:#fff;--bad:#b3261e}\
        @media (prefers-color-scheme:dark){:root{--ground:#0b0d10;--page:#171a20;--text:#e7eaef;--quiet:#9ba6b5;--line:#2a303a;--edge:#6b7687;\
        --accent:#7fb0ff;--on-accent:#0b1526;--bad:#ff8f87}}\
        *{box-sizing:border-box}\
        body{margin:0;padding:2rem 1rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;\
        overflow-wrap:break-word}\
        header,main{max-width:32rem;margin:0 auto}header{margin-bottom:1rem;font-weight:600;color:var(--quiet)}\
        main{padding:1.5rem;background:var(--page);border:1px solid var(--line);border-radius:8px}\
        h1{margin:0 0 .75rem;font-size:1.4rem;line-height:1.3}p{margin:.75rem 0}main>:last-child{margin-bottom:0}\
        fieldset{margin:0;padding:0;border:0;min-width:0}legend{padding:0}form+form{margin-top:1.5rem;padding-top:.75rem;border-top:1px solid var(--line)}\
        label{font-weight:600}fieldset label{font-weight:400}input{accent-color:var(--accent)}\
        input[type=password]{display:block;width:100%;min-height:44px;margin:.25rem 0;padding:.5rem .75rem;font:inherit;color:inherit;\
        background:var(--ground);border:1px solid var(--edge);border-radius:6px}input[aria-invalid]{border-color:var(--bad)}\
        input[type=radio]{width:1.25rem;height:1.25rem;margin:0 .5rem 0 0;vertical-align:-.2rem}\
        button{min-height:44px;padding:.5rem 1.25rem;font:inherit;font-weight:600;color:var(--on-accent);background:var(--accent);\
        border:1px solid var(--accent);border-radius:6px;cursor:pointer}\
        form+form button{color:var(--text);background:none;border-color:var(--edge)}\
        a{color:var(--accent)}.note{color:var(--quiet)}.error{color:var(--bad)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
        """

    /// The page's own style and nothing else.
    private static let policy: String = {
        let digest = Data(SHA256.hash(data: Data(style.utf8))).base64EncodedString()
        return "default-src 'none'; style-src 'sha256-\(digest)'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    }()
}
