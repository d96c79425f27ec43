import type { Catalogue } from './catalogue.ts'

const who = (inviter: string | undefined, company: string) =>
  inviter === undefined ? company : `${inviter} von ${company}`

export const de: Catalogue = {
  language: 'de',
  direction: 'ltr',
  region: 'de-DE',
  greeting: name => (name === undefined ? 'Guten Tag,' : `Guten Tag ${name},`),
  company: (name, customerId) => (customerId === undefined ? name : `${name} (Kundennummer ${customerId})`),
  label: {
    inviter: 'Eingeladen von',
    organization: 'Organisation',
    product: 'Produkt',
    roles: 'Rollen',
    address: 'Für die Adresse',
    validUntil: 'Gültig bis',
    licenses: 'Lizenzen',
    resource: 'Ressource',
    declaredAt: 'Eingetragen in',
    attempts: 'Mails bisher',
    lastTry: 'Letzter Versuch',
    invited: 'Eingeladene Adresse',
  },
  noRoles: 'Noch keine',
  invitation: {
    subject: (organization, product) => `${organization} lädt Sie zu ${product} ein`,
    renewedSubject: (organization, product) => `${organization}: Ihr neuer Link zu ${product}`,
    heading: product => `Sie sind zu ${product} eingeladen`,
    lead: ({ inviter, company, product }) => `${who(inviter, company)} lädt Sie zu ${product} ein.`,
    renewed: 'Dies ist ein neuer Link. Die Links in früheren Mails funktionieren nicht mehr.',
    quoted: inviter => (inviter === undefined ? 'Eine Nachricht zu dieser Einladung:' : `${inviter} schreibt:`),
    button: 'Einladung öffnen',
    decide: 'Mit dem Öffnen nehmen Sie noch nichts an: Sie entscheiden auf der Seite.',
    ignore:
      'Wenn Sie nichts tun, geschieht nichts: Sie treten nicht bei, und der Link gilt nur bis zum genannten Zeitpunkt.',
    decline:
      'Sie möchten nicht beitreten oder wissen nicht, wer hier fragt? Öffnen Sie die Einladung, und lehnen Sie sie ab oder melden Sie sie.',
  },
  accountCreated: {
    subject: (organization, product) => `${organization}: Ihr Konto für ${product}`,
    renewedSubject: (organization, product) => `${organization}: Ihr neuer Link zu ${product}`,
    heading: product => `Ihr Konto für ${product}`,
    lead: ({ inviter, company, product }) =>
      `${who(inviter, company)} hat für Sie ein Konto für ${product} angelegt. Legen Sie ein Passwort fest, dann können Sie sich anmelden.`,
    renewed: 'Dies ist ein neuer Link. Die Links in früheren Mails funktionieren nicht mehr.',
    button: 'Passwort festlegen',
    once: 'Der Link gilt einmal, bis zum genannten Zeitpunkt.',
    later: 'Danach melden Sie sich hier mit Ihrer Adresse und Ihrem Passwort an:',
    mistake: 'Sie haben das nicht erwartet? Legen Sie kein Passwort fest: Ohne Passwort kann sich niemand anmelden.',
  },
  welcome: {
    subject: (organization, product) => `Willkommen bei ${product} (${organization})`,
    heading: product => `Willkommen bei ${product}`,
    lead: (company, product) => `Sie sind jetzt dabei: ${company}. Das haben Sie in ${product}.`,
    roles: 'Ihre Rollen',
    restricted:
      'Sie haben noch keine Rolle. Bis Ihnen eine Administratorin oder ein Administrator eine gibt, sehen Sie die Startseite, die Hilfe und Ihre Einstellungen.',
    button: product => `${product} öffnen`,
    hint: address => `Sie melden sich als ${address} an.`,
    portal: 'Ihre Zugänge und Einstellungen',
    links: 'Gut zu wissen',
  },
  licenseKeys: {
    subject: (product, count) => `${count === 1 ? 'Ihr Lizenzschlüssel' : 'Ihre Lizenzschlüssel'} für ${product}`,
    heading: (product, count) => `${count === 1 ? 'Ihr Lizenzschlüssel' : 'Ihre Lizenzschlüssel'} für ${product}`,
    lead: (company, product, count) =>
      `${company} gibt Ihnen ${count === 1 ? 'eine Lizenz' : `${count} Lizenzen`} für ${product}. ${count === 1 ? 'Das ist Ihr Schlüssel' : 'Das sind Ihre Schlüssel, einer für jedes Gerät'}:`,
    button: product => `${product} öffnen`,
    hint: 'Dort werden Sie nach dem Schlüssel gefragt.',
    keep: 'Bewahren Sie diese Mail auf. Die Schlüssel sind nur für Sie: Bitte geben Sie sie nicht weiter.',
  },
  failed: {
    subject: organization => `${organization}: Eine Einladung war nicht zustellbar`,
    heading: 'Eine Einladung war nicht zustellbar',
    lead: company =>
      `Der Mailserver nimmt die Mail an jemanden, der zu ${company} eingeladen wurde, nicht an. Sie wird von selbst nicht noch einmal versucht.`,
    answer: 'Der Mailserver hat geantwortet:',
    next: 'Prüfen Sie die Adresse. Ist sie falsch, berichtigen Sie sie dort, wo sie eingetragen ist, dann geht eine neue Einladung hinaus; ist sie richtig, senden Sie die Einladung erneut:',
  },
  gaveUp: {
    subject: organization => `${organization}: Eine Einladung wurde nicht angenommen`,
    heading: 'Eine Einladung wurde nicht angenommen',
    lead: (company, attempts) =>
      `Jemand wurde ${attempts === 1 ? 'einmal' : `${attempts}-mal`} zu ${company} eingeladen und hat nicht geantwortet. Es geht keine weitere Mail hinaus.`,
    answer: 'Der Mailserver hat auf die letzte Mail geantwortet:',
    next: 'Fragen Sie die Person, oder senden Sie die Einladung erneut:',
  },
  held: {
    subject: (organization, people) =>
      `${organization}: Eine Änderung, die ${people === 1 ? '1 Person' : `${people} Personen`} Zugänge nimmt, ist angehalten`,
    heading: people =>
      `Eine Änderung, die ${people === 1 ? '1 Person' : `${people} Personen`} Zugänge nimmt, ist angehalten`,
    lead: (company, people) =>
      `Durch eine Änderung ${people === 1 ? 'verliert 1 Person' : `verlieren ${people} Personen`} etwas bei ${company}. Nichts davon ist geschehen: Alle behalten, was sie haben, bis jemand sie genehmigt.`,
    why: {
      Budget: 'Sie ist angehalten, weil mehr Personen etwas verlören, als es innerhalb von 24 Stunden dürfen.',
      Protected: 'Sie ist angehalten, weil jemand etwas verlöre, der geschützt ist.',
      MinAdmins: 'Sie ist angehalten, weil zu wenige Administratorinnen und Administratoren übrig blieben.',
    },
    producer: 'Geändert von',
    byHand: 'eine Änderung von Hand',
    people: 'Personen',
    since: 'Angehalten seit',
    list: 'Wer was verlöre',
    more: people => (people === 1 ? 'und 1 weitere' : `und ${people} weitere`),
    membership: 'die Mitgliedschaft',
    suspended: 'alles, durch Sperrung',
    roles: roles => `Rollen: ${roles}`,
    groups: groups => `Gruppen: ${groups}`,
    other: 'Rechte',
    wrong:
      'Ist es ein Versehen? Nehmen Sie die Änderung dort zurück, wo sie gemacht wurde. Niemand merkt etwas davon, und es geht keine weitere Mail dazu hinaus.',
    right:
      'Ist es so gewollt? Dann genehmigen Sie es auf der Kommandozeile, die vorher zeigt, was daraus folgt. Was jemand durch die Änderung gewinnt, ist schon geschehen.',
  },
  invitationsHeld: {
    subject: (organization, people) =>
      `${organization}: ${people === 1 ? '1 Einladung wartet' : `${people} Einladungen warten`} auf eine Genehmigung`,
    heading: people => `${people === 1 ? '1 Einladung wartet' : `${people} Einladungen warten`} auf eine Genehmigung`,
    lead: (company, people) =>
      `${people === 1 ? '1 Person soll' : `${people} Personen sollen`} zu ${company} eingeladen werden und ${people === 1 ? 'hat' : 'haben'} noch keine Mail bekommen. Die Einladungen gehen der Reihe nach hinaus, sobald jemand sie genehmigt.`,
    why: 'Sie sind angehalten, weil von einer Stelle mehr Einladungen kommen, als innerhalb von 24 Stunden gesendet werden oder warten dürfen.',
    producer: 'Eingeladen von',
    byHand: 'Änderungen von Hand',
    people: 'Einladungen',
    list: 'Wer noch nicht eingeladen ist',
    wrong:
      'Ist es ein Versehen? Nehmen Sie die Einladungen dort zurück, wo sie gemacht wurden. Niemand von diesen Personen hat etwas bemerkt, und es geht keine weitere Mail dazu hinaus.',
    right: 'Ist es so gewollt? Dann genehmigen Sie es auf der Kommandozeile, die vorher zeigt, was daraus folgt.',
  },
  stale: {
    subject: (organization, directory) => `${organization}: Das Verzeichnis ${directory} ist nicht zu lesen`,
    heading: directory => `Das Verzeichnis ${directory} ist nicht zu lesen`,
    lead: (company, directory) =>
      `Seit mehr als zwei seiner Abstände wurde aus dem Verzeichnis ${directory} von ${company} nichts vollständig gelesen.`,
    directory: 'Verzeichnis',
    since: 'Zuletzt vollständig gelesen',
    never: 'noch nie',
    problem: 'Das letzte Lesen endete so:',
    means:
      'Alles ist, wie es zuletzt gelesen wurde: Niemand wird entfernt, aber wer dort seither gekommen oder gegangen ist, weiß man hier nicht. Es wird immer wieder versucht, und es geht keine weitere Mail dazu hinaus, bis es gelesen wurde.',
    next: 'Antwortet der Dienst, und gelten seine Zugangsdaten noch? So wird nachgesehen und neu gelesen:',
  },
  footer: {
    why: (address, company) => `Diese Mail wurde automatisch an ${address} gesendet, im Auftrag von ${company}.`,
    admin: (address, company) =>
      `Diese Mail wurde automatisch an ${address} gesendet, als Administrator oder Kontakt von ${company}.`,
    secret: 'Sie enthält kein Tracking. Geben Sie den Link darin an niemanden weiter.',
    contact: contact => `Fragen? ${contact}`,
    privacy: 'Datenschutz:',
  },
}
