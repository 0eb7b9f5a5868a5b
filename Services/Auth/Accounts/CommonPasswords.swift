/// The passwords that guessers try first, of eight characters and more; from published lists of leaks.
enum CommonPasswords {
    /// Also with other capitals, and with digits or marks behind: `Password1!` is `password`.
    static func contains(_ password: String) -> Bool {
        let plain = password.lowercased()
        if known.contains(plain) { return true }
        let stem = String(plain.reversed().drop { !$0.isLetter }.reversed())
        if stem.count >= 4, plain.count - stem.count <= 4, known.contains(stem) || stems.contains(stem) { return true }
        // One character, or two in turn, all the way.
        return Set(plain).count <= 2
    }

    private static let known: Set<String> = Set(
        """
        password passw0rd p@ssw0rd p@ssword pa$$word 12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 11223344
        112233445566 123123123 123454321 1234qwer 123qwe123 12qwaszx 147258369 147852369 159357456 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc
        1qazxsw2 789456123 a1b2c3d4 a1s2d3f4 aa123456 aa12345678 abc12345 abcd1234 abcdefgh abcdefghij adminadmin administrator alexander
        asdf1234 asdfasdf asdfghjk asdfghjkl asdfjkl; babygirl baseball basketball beautiful blink182 butterfly caroline changeme charlie1
        cheyenne chocolate christian computer consumer creative danielle december dolphins einstein elephant elizabeth europe2020 excalibur
        facebook february fireball firebird fireman1 firstname football football1 forever21 freedom1 galaxy123 garfield goldfish greenday
        guardian hardcore harrypotter hellokitty helloworld iloveyou iloveyou1 iloveyou2 immortal infinity internet inuyasha jackson5 jennifer
        jessica1 johnjohn jonathan kawasaki killer123 lakers24 letmein1 letmein123 letmeinnow lifehack liverpool lovelove loveme123 loveyou1
        master123 maverick mercedes metallica michael1 michelle microsoft midnight millions minecraft monkey12 monkey123 motorola mountain
        mustang1 mypassword naruto123 nicholas nintendo november oblivion october1 office365 overlord pa55word password1 password12 password123
        password1234 password! passwort paradise patience patricia pavilion peekaboo penguins philips1 pokemon1 pokemon123 politics porsche911
        precious princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qazwsxed qwaszx12 qwer1234 qwerasdf qwerty12 qwerty123 qwerty1234 qwertyui
        qwertyuiop qweasdzxc rainbow1 rangers1 redskins remember rockstar rootroot samantha samsung1 scooter1 secret123 security september
        shadow12 sherlock simpsons slipknot snowball snowboard softball spiderman spongebob starfish startrek starwars steelers sunflower
        sunshine sunshine1 superman superman1 superstar swordfish sysadmin tarheels test1234 testtest testuser thunder1 thunderbird tinkerbell
        training trustno1 unicorn1 universe valentina vanessa1 vendetta victoria warcraft warriors webmaster welcome1 welcome12 welcome123
        whatever william1 windows10 winter2020 wolverine worldcup xbox360x yankees1 yellow12 zaq12wsx zaq1zaq1 zxcasdqwe zxcvbnm1 zxcvbnm123
        """.split(whereSeparator: \.isWhitespace).map(String.init))

    /// Short ones that become long by what is put behind them.
    private static let stems: Set<String> = [
        "admin", "qwerty", "welcome", "letmein", "summer", "winter", "spring", "autumn", "monkey", "dragon", "master", "shadow", "login", "hello",
        "test", "user", "root", "guest", "secret", "pass", "penguin", "penguinmails", "asdf", "zxcvbn", "abcd", "love", "iloveyou", "changeme",
    ]
}
