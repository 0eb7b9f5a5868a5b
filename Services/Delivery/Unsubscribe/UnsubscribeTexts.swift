/// What the page for recipients says, in one language; `{sender}` stands for the sender's name.
struct UnsubscribeTexts: Sendable {
    let title: String
    let intro: String
    let choices: [PreferenceChoice: String]
    let confirm: String
    let saved: String
    let done: [PreferenceChoice: String]
    let undoHint: String
    let undo: String
    let tracking: String
    let trackingOff: String
    let trackingOn: String
    let someone: String
    let brokenTitle: String
    let broken: String
    let failedTitle: String
    let unavailable: String
    let tooLarge: String
    let back: String

    /// English first: it stands in for every language that is not here.
    static let languages = ["en", "de", "fr", "es", "pt", "it", "nl", "pl"]

    static func of(_ language: String) -> UnsubscribeTexts { all[language] ?? english }

    private static let all: [String: UnsubscribeTexts] = [
        "en": english, "de": german, "fr": french, "es": spanish, "pt": portuguese, "it": italian, "nl": dutch, "pl": polish,
    ]

    private static let english = UnsubscribeTexts(
        title: "Your mails", intro: "You received a mail from {sender}. What would you like?",
        choices: [
            .company: "No more mails from this company", .workspace: "No more mails from this sender’s team",
            .campaign: "No more mails of this series", .pause: "No mails for 30 days",
        ],
        confirm: "Confirm", saved: "Your choice is saved",
        done: [
            .company: "This company will not write to you again.", .workspace: "This sender’s team will not write to you again.",
            .campaign: "You will receive no more mails of this series.", .pause: "You will receive no mails for 30 days.",
            .undo: "Your earlier choice by this link was taken back, if it was made within the last 24 hours.",
            .trackingOff: "We no longer notice whether you open these mails or follow their links.",
            .trackingOn: "The sender may notice again whether you open these mails or follow their links.",
        ],
        undoHint: "A slip? You can take it back within 24 hours.", undo: "Take it back",
        tracking: "The sender may notice whether you open a mail or follow a link.", trackingOff: "Do not notice what I do",
        trackingOn: "Allow it again", someone: "this sender", brokenTitle: "This link is not complete",
        broken: "Please use the link exactly as it stands in the mail.",
        failedTitle: "That did not work",
        unavailable: "We cannot read or save your choice at the moment. Nothing was changed; please try again in a minute.",
        tooLarge: "What was sent is too large. Please open the link in the mail again.", back: "Back to the choices")

    private static let german = UnsubscribeTexts(
        title: "Ihre E-Mails", intro: "Sie haben eine E-Mail von {sender} erhalten. Was möchten Sie?",
        choices: [
            .company: "Keine E-Mails mehr von diesem Unternehmen", .workspace: "Keine E-Mails mehr vom Team dieses Absenders",
            .campaign: "Keine E-Mails mehr aus dieser Reihe", .pause: "30 Tage lang keine E-Mails",
        ],
        confirm: "Bestätigen", saved: "Ihre Wahl ist gespeichert",
        done: [
            .company: "Dieses Unternehmen schreibt Ihnen nicht mehr.", .workspace: "Das Team dieses Absenders schreibt Ihnen nicht mehr.",
            .campaign: "Sie erhalten keine weiteren E-Mails aus dieser Reihe.", .pause: "Sie erhalten 30 Tage lang keine E-Mails.",
            .undo: "Ihre frühere Wahl über diesen Link wurde zurückgenommen, sofern sie höchstens 24 Stunden alt war.",
            .trackingOff: "Wir erfassen nicht mehr, ob Sie diese E-Mails öffnen oder ihren Links folgen.",
            .trackingOn: "Der Absender darf wieder erfassen, ob Sie diese E-Mails öffnen oder ihren Links folgen.",
        ],
        undoHint: "Ein Versehen? Sie können es 24 Stunden lang zurücknehmen.", undo: "Zurücknehmen",
        tracking: "Der Absender kann erfassen, ob Sie eine E-Mail öffnen oder einem Link folgen.", trackingOff: "Nicht erfassen, was ich tue",
        trackingOn: "Wieder erlauben", someone: "diesem Absender", brokenTitle: "Dieser Link ist nicht vollständig",
        broken: "Bitte verwenden Sie den Link genau so, wie er in der E-Mail steht.",
        failedTitle: "Das hat nicht geklappt",
        unavailable:
            "Wir können Ihre Wahl gerade weder lesen noch speichern. Nichts wurde geändert; bitte versuchen Sie es in einer Minute noch einmal.",
        tooLarge: "Das Gesendete ist zu groß. Bitte öffnen Sie den Link in der E-Mail noch einmal.", back: "Zurück zur Auswahl")

    private static let french = UnsubscribeTexts(
        title: "Vos e-mails", intro: "Vous avez reçu un e-mail de {sender}. Que souhaitez-vous ?",
        choices: [
            .company: "Ne plus recevoir d’e-mails de cette entreprise", .workspace: "Ne plus recevoir d’e-mails de l’équipe de cet expéditeur",
            .campaign: "Ne plus recevoir d’e-mails de cette série", .pause: "Aucun e-mail pendant 30 jours",
        ],
        confirm: "Confirmer", saved: "Votre choix est enregistré",
        done: [
            .company: "Cette entreprise ne vous écrira plus.", .workspace: "L’équipe de cet expéditeur ne vous écrira plus.",
            .campaign: "Vous ne recevrez plus d’e-mails de cette série.", .pause: "Vous ne recevrez aucun e-mail pendant 30 jours.",
            .undo: "Votre choix précédent par ce lien a été annulé, s’il datait de moins de 24 heures.",
            .trackingOff: "Nous ne relevons plus si vous ouvrez ces e-mails ou suivez leurs liens.",
            .trackingOn: "L’expéditeur peut de nouveau relever si vous ouvrez ces e-mails ou suivez leurs liens.",
        ],
        undoHint: "Une erreur ? Vous pouvez revenir en arrière pendant 24 heures.", undo: "Annuler mon choix",
        tracking: "L’expéditeur peut relever si vous ouvrez un e-mail ou suivez un lien.", trackingOff: "Ne pas relever ce que je fais",
        trackingOn: "L’autoriser de nouveau", someone: "cet expéditeur", brokenTitle: "Ce lien est incomplet",
        broken: "Veuillez utiliser le lien exactement tel qu’il figure dans l’e-mail.",
        failedTitle: "Cela n’a pas fonctionné",
        unavailable: "Nous ne pouvons ni lire ni enregistrer votre choix pour le moment. Rien n’a été modifié ; veuillez réessayer dans une minute.",
        tooLarge: "Ce qui a été envoyé est trop volumineux. Veuillez rouvrir le lien de l’e-mail.", back: "Retour aux choix")

    private static let spanish = UnsubscribeTexts(
        title: "Sus correos", intro: "Ha recibido un correo de {sender}. ¿Qué desea?",
        choices: [
            .company: "No recibir más correos de esta empresa", .workspace: "No recibir más correos del equipo de este remitente",
            .campaign: "No recibir más correos de esta serie", .pause: "Ningún correo durante 30 días",
        ],
        confirm: "Confirmar", saved: "Su elección se ha guardado",
        done: [
            .company: "Esta empresa no volverá a escribirle.", .workspace: "El equipo de este remitente no volverá a escribirle.",
            .campaign: "No recibirá más correos de esta serie.", .pause: "No recibirá correos durante 30 días.",
            .undo: "Su elección anterior con este enlace se ha anulado, si la hizo en las últimas 24 horas.",
            .trackingOff: "Ya no registramos si abre estos correos o sigue sus enlaces.",
            .trackingOn: "El remitente puede registrar de nuevo si abre estos correos o sigue sus enlaces.",
        ],
        undoHint: "¿Un error? Puede deshacerlo durante 24 horas.", undo: "Deshacer",
        tracking: "El remitente puede registrar si abre un correo o sigue un enlace.", trackingOff: "No registrar lo que hago",
        trackingOn: "Permitirlo de nuevo", someone: "este remitente", brokenTitle: "Este enlace no está completo",
        broken: "Use el enlace exactamente como aparece en el correo.",
        failedTitle: "No ha funcionado",
        unavailable: "En este momento no podemos leer ni guardar su elección. No se ha cambiado nada; inténtelo de nuevo en un minuto.",
        tooLarge: "Lo enviado es demasiado grande. Abra de nuevo el enlace del correo.", back: "Volver a las opciones")

    private static let portuguese = UnsubscribeTexts(
        title: "Os seus e-mails", intro: "Recebeu um e-mail de {sender}. O que prefere?",
        choices: [
            .company: "Não receber mais e-mails desta empresa", .workspace: "Não receber mais e-mails da equipa deste remetente",
            .campaign: "Não receber mais e-mails desta série", .pause: "Nenhum e-mail durante 30 dias",
        ],
        confirm: "Confirmar", saved: "A sua escolha foi guardada",
        done: [
            .company: "Esta empresa não voltará a escrever-lhe.", .workspace: "A equipa deste remetente não voltará a escrever-lhe.",
            .campaign: "Não receberá mais e-mails desta série.", .pause: "Não receberá e-mails durante 30 dias.",
            .undo: "A sua escolha anterior por esta ligação foi anulada, se foi feita nas últimas 24 horas.",
            .trackingOff: "Deixámos de registar se abre estes e-mails ou segue as suas ligações.",
            .trackingOn: "O remetente pode voltar a registar se abre estes e-mails ou segue as suas ligações.",
        ],
        undoHint: "Foi engano? Pode anular durante 24 horas.", undo: "Anular",
        tracking: "O remetente pode registar se abre um e-mail ou segue uma ligação.", trackingOff: "Não registar o que faço",
        trackingOn: "Voltar a permitir", someone: "este remetente", brokenTitle: "Esta ligação não está completa",
        broken: "Use a ligação exatamente como aparece no e-mail.",
        failedTitle: "Não funcionou",
        unavailable: "De momento não conseguimos ler nem guardar a sua escolha. Nada foi alterado; tente novamente dentro de um minuto.",
        tooLarge: "O que foi enviado é demasiado grande. Abra de novo a ligação do e-mail.", back: "Voltar às opções")

    private static let italian = UnsubscribeTexts(
        title: "Le sue e-mail", intro: "Ha ricevuto un’e-mail da {sender}. Che cosa desidera?",
        choices: [
            .company: "Nessun’altra e-mail da questa azienda", .workspace: "Nessun’altra e-mail dal team di questo mittente",
            .campaign: "Nessun’altra e-mail di questa serie", .pause: "Nessuna e-mail per 30 giorni",
        ],
        confirm: "Conferma", saved: "La sua scelta è stata salvata",
        done: [
            .company: "Questa azienda non le scriverà più.", .workspace: "Il team di questo mittente non le scriverà più.",
            .campaign: "Non riceverà altre e-mail di questa serie.", .pause: "Non riceverà e-mail per 30 giorni.",
            .undo: "La scelta fatta con questo link è stata annullata, se risale alle ultime 24 ore.",
            .trackingOff: "Non rileviamo più se apre queste e-mail o segue i loro link.",
            .trackingOn: "Il mittente può rilevare di nuovo se apre queste e-mail o segue i loro link.",
        ],
        undoHint: "Un errore? Può annullare entro 24 ore.", undo: "Annulla la scelta",
        tracking: "Il mittente può rilevare se apre un’e-mail o segue un link.", trackingOff: "Non rilevare ciò che faccio",
        trackingOn: "Consentilo di nuovo", someone: "questo mittente", brokenTitle: "Questo link non è completo",
        broken: "Usi il link esattamente come compare nell’e-mail.",
        failedTitle: "Non ha funzionato",
        unavailable: "Al momento non possiamo né leggere né salvare la sua scelta. Nulla è stato modificato; riprovi tra un minuto.",
        tooLarge: "Ciò che è stato inviato è troppo grande. Apra di nuovo il link nell’e-mail.", back: "Torna alle scelte")

    private static let dutch = UnsubscribeTexts(
        title: "Uw e-mails", intro: "U hebt een e-mail ontvangen van {sender}. Wat wilt u?",
        choices: [
            .company: "Geen e-mails meer van dit bedrijf", .workspace: "Geen e-mails meer van het team van deze afzender",
            .campaign: "Geen e-mails meer uit deze reeks", .pause: "30 dagen geen e-mails",
        ],
        confirm: "Bevestigen", saved: "Uw keuze is opgeslagen",
        done: [
            .company: "Dit bedrijf schrijft u niet meer.", .workspace: "Het team van deze afzender schrijft u niet meer.",
            .campaign: "U ontvangt geen e-mails meer uit deze reeks.", .pause: "U ontvangt 30 dagen geen e-mails.",
            .undo: "Uw eerdere keuze via deze link is teruggedraaid, als die niet ouder was dan 24 uur.",
            .trackingOff: "We registreren niet meer of u deze e-mails opent of hun links volgt.",
            .trackingOn: "De afzender mag weer registreren of u deze e-mails opent of hun links volgt.",
        ],
        undoHint: "Een vergissing? U kunt het 24 uur lang terugdraaien.", undo: "Terugdraaien",
        tracking: "De afzender kan registreren of u een e-mail opent of een link volgt.", trackingOff: "Niet registreren wat ik doe",
        trackingOn: "Weer toestaan", someone: "deze afzender", brokenTitle: "Deze link is niet volledig",
        broken: "Gebruik de link precies zoals die in de e-mail staat.",
        failedTitle: "Dat is niet gelukt",
        unavailable: "We kunnen uw keuze op dit moment niet lezen of opslaan. Er is niets gewijzigd; probeer het over een minuut opnieuw.",
        tooLarge: "Wat is verzonden, is te groot. Open de link in de e-mail opnieuw.", back: "Terug naar de keuzes")

    private static let polish = UnsubscribeTexts(
        title: "Twoje wiadomości", intro: "Otrzymujesz wiadomość od nadawcy: {sender}. Co wybierasz?",
        choices: [
            .company: "Żadnych więcej wiadomości od tej firmy", .workspace: "Żadnych więcej wiadomości od zespołu tego nadawcy",
            .campaign: "Żadnych więcej wiadomości z tej serii", .pause: "Żadnych wiadomości przez 30 dni",
        ],
        confirm: "Potwierdź", saved: "Twój wybór został zapisany",
        done: [
            .company: "Ta firma nie będzie już do Ciebie pisać.", .workspace: "Zespół tego nadawcy nie będzie już do Ciebie pisać.",
            .campaign: "Nie otrzymasz więcej wiadomości z tej serii.", .pause: "Przez 30 dni nie otrzymasz żadnych wiadomości.",
            .undo: "Wcześniejszy wybór dokonany przez ten link został cofnięty, jeśli nie minęły od niego 24 godziny.",
            .trackingOff: "Nie rejestrujemy już, czy otwierasz te wiadomości i klikasz linki.",
            .trackingOn: "Nadawca może znów rejestrować, czy otwierasz te wiadomości i klikasz linki.",
        ],
        undoHint: "Pomyłka? Możesz to cofnąć w ciągu 24 godzin.", undo: "Cofnij",
        tracking: "Nadawca może rejestrować, czy otwierasz wiadomość lub klikasz link.", trackingOff: "Nie rejestruj tego, co robię",
        trackingOn: "Zezwól ponownie", someone: "ten nadawca", brokenTitle: "Ten link jest niekompletny",
        broken: "Użyj linku dokładnie w takiej postaci, w jakiej jest w wiadomości.",
        failedTitle: "Nie udało się",
        unavailable: "W tej chwili nie możemy odczytać ani zapisać Twojego wyboru. Niczego nie zmieniono; spróbuj ponownie za minutę.",
        tooLarge: "Przesłane dane są zbyt duże. Otwórz ponownie link z wiadomości.", back: "Wróć do wyboru")
}
