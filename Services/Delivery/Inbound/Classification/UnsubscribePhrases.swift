/// How people say that they want no more mail, in lower case.
enum UnsubscribePhrases {
    /// The whole of a line or subject, without punctuation.
    static let alone: Set<String> = [
        "unsubscribe", "unsubscribe me", "unsubscribe please", "please unsubscribe", "please unsubscribe me", "unsub", "stop", "stop it",
        "stop please", "please stop",
        "remove", "remove me", "remove me please", "please remove me", "please remove", "pls remove me", "opt out", "optout", "opt me out",
        "please opt me out",
        "take me off", "no more emails", "no more emails please", "no more mails", "stop emailing me", "stop emailing", "leave me alone",
        "abmelden", "bitte abmelden", "abbestellen", "austragen", "bitte austragen", "abmeldung", "newsletter abbestellen", "keine werbung",
        "keine mails mehr",
        "keine weiteren mails", "désabonner", "désabonnement", "me désabonner", "désinscription", "désinscrire", "me désinscrire", "se désabonner",
        "désabonnez moi", "désinscrivez moi", "darme de baja", "dar de baja", "baja", "cancelar suscripción", "desuscribir", "desuscribirme",
        "eliminar suscripción",
        "cancellami", "cancellatemi", "disiscrivimi", "disiscrizione", "cancella iscrizione", "annulla iscrizione", "rimuovimi", "rimuovetemi",
        "descadastrar",
        "descadastre me", "cancelar inscrição", "cancelar subscrição", "remover", "remova me", "me remova", "uitschrijven", "afmelden",
        "schrijf mij uit",
        "uitschrijven aub", "avregistrera", "avprenumerera", "avsluta prenumeration", "avanmäl", "afmeld", "afmeld mig", "frameld", "meld meg av",
        "avmeld",
        "avmeld meg", "peruuta tilaus", "poista listalta", "poistakaa listalta", "wypisz", "wypisz mnie", "proszę mnie wypisać", "wypisz się",
        "rezygnuję",
        "odhlásit", "odhlásit odběr", "odhlaste mě", "odhlásiť", "leiratkozás", "leiratkozom", "dezabonare", "dezabonați mă", "отписаться", "отписка",
        "отпишите меня", "отпишите", "стоп", "відписатися", "відпишіть мене", "απεγγραφή", "διαγραφή", "aboneliği iptal et", "abonelikten çık",
        "listeden çıkar",
        "listeden çıkarın", "退订", "取消订阅", "td", "取消訂閱", "退訂", "配信停止", "配信停止希望", "配信停止をお願いします", "登録解除", "수신거부", "구독취소",
        "수신 거부", "הסר", "הסירו אותי", "הסרה", "إلغاء الاشتراك", "الغاء الاشتراك", "berhenti berlangganan", "hủy đăng ký",
    ]

    /// Within the first lines. Each of them has its object: what is to stop, or whom to take off.
    static let sentences = [
        "unsubscribe me", "please unsubscribe", "like to unsubscribe", "want to unsubscribe", "wish to unsubscribe", "opt me out", "like to opt out",
        "want to opt out", "remove me from", "please remove me", "take me off your", "take me off this", "take me off the list", "take us off your",
        "remove us from your", "remove my email", "remove my e-mail", "remove my address", "remove this email", "remove this address",
        "delete my email",
        "delete my address", "delete my data", "delete me from", "stop emailing me", "stop emailing us", "stop e-mailing me", "stop sending me",
        "stop sending us", "stop contacting me", "stop contacting us", "stop mailing me", "stop spamming me", "stop these emails", "stop all emails",
        "do not email me", "don't email me", "do not e-mail me", "do not contact me", "don't contact me", "do not contact us",
        "do not send me any more",
        "don't send me any more", "do not write to me", "don't write to me", "no further emails", "no more emails", "not contact me again",
        "not email me again",
        "not wish to receive", "don't want to receive", "do not want to receive", "never contact me", "never email me", "cease and desist",
        "aus ihrem verteiler", "aus dem verteiler", "aus ihrer mailingliste", "von ihrer liste", "aus ihrer liste", "keine weiteren e-mails",
        "keine weiteren mails", "keine weiteren nachrichten", "keine e-mails mehr", "keine mails mehr", "keine werbung mehr", "bitte abmelden",
        "möchte mich abmelden", "melden sie mich ab", "tragen sie mich aus", "nehmen sie mich aus", "löschen sie meine",
        "kontaktieren sie mich nicht",
        "schreiben sie mir nicht mehr", "widerspreche der nutzung", "widerspreche der verarbeitung", "me désabonner", "me désinscrire",
        "désabonnez-moi",
        "désinscrivez-moi", "retirez-moi", "retirer de votre liste", "supprimez mon adresse", "supprimer mon adresse", "ne plus recevoir",
        "ne plus m'envoyer", "ne plus me contacter", "ne m'envoyez plus", "ne me contactez plus", "de votre liste de diffusion", "darme de baja",
        "dar de baja", "denme de baja", "dame de baja", "no me envíen más", "no enviarme más", "no deseo recibir", "no quiero recibir",
        "elimine mi correo",
        "eliminar mi correo", "bórrenme de", "no me contacten", "dejen de enviarme", "cancellatemi", "cancellarmi dalla", "disiscrivermi",
        "rimuovetemi", "rimuovermi dalla", "non inviatemi più", "non mandatemi più", "non desidero ricevere", "non voglio ricevere",
        "non contattatemi più",
        "cancellare il mio indirizzo", "me descadastrar", "descadastrem", "remova meu e-mail", "remover meu e-mail", "remova-me", "não quero receber",
        "não desejo receber", "não quero mais receber", "não me envie mais", "não me enviem mais", "parem de enviar", "pare de enviar",
        "mij uitschrijven",
        "schrijf me uit", "schrijf mij uit", "me uitschrijven", "mij af te melden", "meld mij af", "geen mails meer", "geen e-mails meer",
        "geen berichten meer",
        "uit uw mailinglijst", "uit uw bestand", "verwijder mijn", "avregistrera mig", "ta bort mig", "ta bort min adress", "inga fler mejl",
        "inga fler mail",
        "vill inte ha fler", "sluta skicka", "afmeld mig", "fjern mig fra", "slet mig fra", "ikke flere mails", "ikke modtage flere", "meld meg av",
        "fjern meg fra", "ikke flere e-poster", "slutt å sende", "poistakaa minut", "poistakaa osoitteeni", "en halua enää", "älkää lähettäkö",
        "wypisać mnie", "wypiszcie mnie", "proszę o usunięcie mojego", "usunąć mój adres", "nie życzę sobie", "nie wysyłać", "nie przysyłać",
        "odhlaste mě", "odhlásit z odběru", "nepřeji si dostávat", "už mi nepište", "nezasielajte mi", "iratkozzak le", "szeretnék leiratkozni",
        "ne küldjenek több", "töröljenek", "să mă dezabonez", "nu mai doresc să primesc", "ștergeți-mă", "listenizden çıkar", "listeden çıkarın",
        "e-posta göndermeyin", "mail göndermeyin", "отпишите меня", "хочу отписаться", "удалите меня из", "удалите мой адрес", "не пишите мне",
        "не присылайте мне", "больше не присылайте", "прекратите рассылку", "исключите меня из", "відпишіть мене", "не надсилайте мені",
        "видаліть мою адресу", "διαγράψτε με", "μη μου στέλνετε", "请将我从", "不要再给我发", "请不要再发", "请勿再发", "停止发送", "請勿再寄", "請將我從",
        "配信を停止して", "配信停止をお願い", "メールを送らないで", "送信しないでください", "リストから削除", "메일을 보내지 마", "수신을 거부", "수신거부 부탁",
        "הסירו אותי", "להסיר אותי", "أزلني من", "لا ترسل لي", "hapus saya dari", "jangan kirim", "đừng gửi",
    ]

    /// What turns the same words round, or shows that they are about something else.
    static let contrary = [
        "don't unsubscribe", "do not unsubscribe", "don't remove me", "do not remove me", "please don't remove", "not unsubscribe me",
        "why did you unsubscribe",
        "why was i unsubscribed", "how do i unsubscribe my", "our unsubscribe", "your unsubscribe feature", "unsubscribe rate", "unsubscribe feature",
        "not want to receive any less", "don't stop", "do not stop", "remove me from the cc", "remove me from cc",
        "stop sending me reminders to the old",
        "nicht abmelden", "nicht austragen", "ne me désabonnez pas", "no me den de baja", "non cancellatemi", "не отписывайте",
    ]

    static let greetings = [
        "hi", "hello", "hey", "dear", "good morning", "good afternoon", "hallo", "guten tag", "sehr geehrte", "moin", "bonjour", "salut", "hola",
        "buenos días",
        "buenas", "ciao", "buongiorno", "salve", "olá", "bom dia", "boa tarde", "beste", "geachte", "hej", "hei", "dzień dobry", "cześć", "dobrý den",
        "ahoj",
        "merhaba", "здравствуйте", "добрый день", "привет", "您好", "你好", "こんにちは", "안녕하세요", "thanks", "thank you",
    ]

    static let answerPrefixes: Set<String> = [
        "re", "aw", "antw", "antwort", "sv", "vs", "odp", "ref", "rif", "res", "r", "fw", "fwd", "wg", "tr", "rv", "i", "enc", "doorst", "vb", "vl",
        "pd", "ynt",
        "ilt", "回复", "答复", "回覆", "转发", "返信", "답장", "ha", "απ", "αντ", "nd", "vá", "bls",
    ]
}
