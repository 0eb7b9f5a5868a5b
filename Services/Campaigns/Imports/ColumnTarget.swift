/// What a column can be, by name and by what people call it.
extension ColumnMapping.Target {
    static let names = "email, first_name, last_name, company, time_zone, tags, custom.<key>, skip"

    /// Nil unless `name` is one of ``names``.
    init?(name: String) {
        switch name {
        case "email": self = .email
        case "first_name": self = .firstName
        case "last_name": self = .lastName
        case "company": self = .company
        case "time_zone": self = .timeZone
        case "tags": self = .tags
        case "skip": self = .skip
        default:
            guard name.hasPrefix("custom.") else { return nil }
            let key = String(name.dropFirst(7))
            guard !key.isEmpty, ColumnMapping.key(key) == key else { return nil }
            self = .custom(key)
        }
    }

    /// As callers write it.
    var name: String {
        switch self {
        case .email: "email"
        case .firstName: "first_name"
        case .lastName: "last_name"
        case .company: "company"
        case .timeZone: "time_zone"
        case .tags: "tags"
        case .custom(let key): "custom.\(key)"
        case .skip: "skip"
        }
    }

    /// Headers in their keyed form: English, German, French, Spanish, Italian, Portuguese, Dutch, Scandinavian, Polish, Finnish.
    static let synonyms: [String: Self] = {
        let words: [(Self, String)] = [
            (
                .email,
                """
                email e_mail mail email_address e_mail_address mail_address emailaddress e_mail_adresse email_adresse mailadresse emailadresse \
                adresse_mail adresse_email adresse_e_mail courriel correo correo_electronico correo_electrónico indirizzo_email posta_elettronica \
                endereco_de_email endereço_de_email e_mailadres emailadres epost e_post epostadresse e_postadress adres_email adres_e_mail \
                sähköposti sahkoposti
                """
            ),
            (
                .firstName,
                """
                first_name firstname given_name givenname forename vorname prenom prénom nombre nome voornaam fornavn förnamn fornamn imie imię \
                etunimi
                """
            ),
            (
                .lastName,
                """
                last_name lastname surname family_name familyname nachname familienname zuname nom nom_de_famille apellido apellidos cognome \
                sobrenome apelido achternaam etternavn efternavn efternamn nazwisko sukunimi
                """
            ),
            (
                .company,
                """
                company company_name companyname organization organisation firma unternehmen firmenname entreprise société societe empresa \
                azienda societa società bedrijf bedrijfsnaam företag foretag virksomhed yritys
                """
            ),
            (
                .timeZone,
                """
                time_zone timezone tz zeitzone fuseau_horaire zona_horaria fuso_orario fuso_horario fuso_horário tijdzone tidssone tidszone \
                tidszon strefa_czasowa aikavyöhyke
                """
            ),
            (.tags, "tags tag labels label etiketten schlagworte étiquettes etiquettes etiquetas etichette tagi"),
        ]
        var known: [String: Self] = [:]
        for (target, text) in words {
            for word in text.split(separator: " ") { known[String(word)] = target }
        }
        return known
    }()
}
