/**
 * Passwords that are tried first by whoever guesses: refused, in lower case. The words of the person and the place are refused beside them (`passwordProblem`).
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
00000000 01234567 012345678 0123456789 0987654321 11111111 11223344 123123123 12341234 12344321 12345678
123456789 1234567890 12345678910 1234abcd 123qwe123 123qweasd 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 22222222
31415926 33333333 44444444 55555555 66666666 77777777 87654321 88888888 987654321 99999999 a1b2c3d4 aa123456
aaaaaaaa abc12345 abcd1234 abcdefg1 access14 accounts admin123 admin1234 adminadmin administrator alexander
andreas1 arsenal1 asdf1234 asdfasdf asdfghjk asdfghjkl baby1234 babygirl babygirl1 baseball baseball1
basketball batman123 berlin12 berlin123 blessed1 blink182 business butterfly bvb09bvb changeit changeme
changeme1 changeme123 charlie1 cheese12 chelsea1 chocolate company1 computer computer1 cookie12
correcthorsebatterystaple corvette daniel12 december default1 dragon12 dragon123 facebook facebook1 fcbayern
ferrari1 ficken123 firma123 football football1 freedom1 friday123 fruehling geheim12 geheim123 ginger12
goodluck google123 guest123 guestguest hallo123 hallo1234 hallohallo hamburg1 hello123 hello1234 hellohello
herbst2026 ichliebedich iloveyou iloveyou1 internet internet1 jennifer jordan23 killer12 letmein1 letmein123
liverpool login123 loginlogin lovelove loveyou1 master12 master123 maverick mercedes michael1 michelle
microsoft midnight minecraft monday123 monkey12 monkey123 montag123 muenchen mustang1 mypassword newpassword
november october1 p4ssw0rd p@ssw0rd p@ssword pa55w0rd pa55word pass1234 passpass passw0rd password password!
password0 password1 password12 password123 password1234 password2 password3 password7 password9 passwort
passwort! passwort1 passwort123 pepper12 pokemon1 pokemon123 porsche1 princess princess1 q1w2e3r4 q1w2e3r4t5
qazwsxedc qweasdzxc qweqweqwe qwer1234 qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop qwertz12 qwertz123
qwertzui qwertzuiop root1234 rootroot rosebud1 samstag1 samsung1 schalke04 secret12 secret123 september
shadow12 shadow123 snoopy12 sommer2024 sommer2025 sommer2026 sonntag1 spiderman spring2026 starwars starwars1
summer2024 summer2025 summer2026 sunshine sunshine1 superman superman1 temp1234 temporary temppass test1234
test12345 testing1 testing123 testtest thomas12 trustno1 user1234 useruser welcome1 welcome12 welcome123
whatever whatever1 willkommen willkommen1 winter2024 winter2025 winter2026 yxcvbnm1 zxcvbnm1 zxcvbnm123
`
    .trim()
    .split(/\s+/),
)
