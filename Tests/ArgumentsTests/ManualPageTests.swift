import Testing

@testable import Arguments

@Suite struct ManualPageTests {
  private let page = Sample.tool.manualPage(
    date: "2026-01-02",
    sections: [
      ManualSection("EXIT STATUS", text: "One of:", entries: [("0", "Done."), ("64", "'Usage'.")]),
      ManualSection("SEE ALSO", text: "view(1)"),
    ])

  @Test func headAndSectionsInTheirOrder() {
    #expect(page.hasPrefix(#".TH "DEMO" "1" "2026\-01\-02" "demo 1.2.3" "User Commands""#))
    let sections = page.split(separator: "\n").filter { $0.hasPrefix(".SH") }
    #expect(
      sections == [
        #".SH "NAME""#, #".SH "SYNOPSIS""#, #".SH "DESCRIPTION""#, #".SH "OPTIONS""#,
        #".SH "COMMANDS""#, #".SH "EXAMPLES""#, #".SH "EXIT STATUS""#, #".SH "SEE ALSO""#,
      ])
    #expect(page.contains("demo \\- A tool to test with\n"))
  }

  @Test func everyCommandIsThere() {
    let commands = page.split(separator: "\n").filter { $0.hasPrefix(".SS") }
    #expect(
      commands == [
        #".SS "demo create NAME [OPTIONS]""#, #".SS "demo read FILE... [OPTIONS]""#,
        #".SS "demo group reset NAME [TARGET] \-\-to N""#, #".SS "demo group drop [EXTRA...]""#,
        #".SS "demo ping""#, #".SS "demo help [COMMAND...]""#,
      ])
  }

  @Test func parameters() {
    #expect(
      page.contains(
        #"""
        .TP
        \fB\-s\fR, \fB\-\-slots\fR \fIN\fR
        Slots in each partition. A power of two is best (default 65536).

        """#))
    #expect(page.contains(".TP\n\\fIFILE...\\fR\nA file to read.\n"))
    #expect(page.contains("$ demo create orders \\-\\-slot\\-size 64\n"))
    #expect(page.contains(".TP\n\\fB64\\fR\n\\(aqUsage\\(aq.\n"))
  }

  @Test func nothingIsTakenForAMacro() {
    #expect(page.contains("\n\\&.not a macro, \\(aqnor this\n"))
    #expect(page.contains(#"na\[u00EF]ve \(rs and \(tiplain\(ha."#))
    #expect(page.unicodeScalars.allSatisfy { $0.isASCII })
  }

  @Test func aToolOfOneCommand() {
    let page = Sample.viewer.manualPage()
    #expect(page.contains(".SH \"SYNOPSIS\"\n\\fBview\\fR \\fIFILE... [OPTIONS]\\fR\n"))
    #expect(page.contains(".SH \"ARGUMENTS\""))
    #expect(page.contains("\\fB\\-\\-version\\fR"))
    #expect(!page.contains("COMMANDS"))
  }
}
