import CShmBus

extension RingInspector {
  /// The header as it is, judged by nobody. What an announcement or the quarantine table says of a claim goes
  /// before its slot's own word, which may be of an earlier lap.
  func decode(
    _ walk: RingWalk, _ step: RingWalk.Step, _ word: ControlWord, _ state: RingReport.State
  ) -> SlotReport {
    let place = walk.headerPlace(step.offset)
    let lap = walk.lap(step.offset)
    let word =
      switch step.standing {
      case .open(let span, let publisher):
        ControlWord(state: ControlWord.claimed, lap: lap, span: span, publisher: publisher)
      case .void(let span):
        ControlWord(state: word.state, lap: word.lap, span: span, publisher: word.publisher)
      case .message, .padding, .overrun, .hole, .nonsense: word
      }
    let header =
      walk.reader.value(shmbus_slot_header.self, at: place) ?? shmbus_slot_header()
    return slot(
      walk, step.offset, word, header, state, key: [], payload: [], isChecksumRight: nil)
  }

  /// A committed message against the rules, copied and looked at again before anything is believed. Nil if
  /// it was overwritten meanwhile.
  mutating func check(
    _ walk: inout RingWalk, _ offset: Offset, _ word: ControlWord
  ) -> SlotReport? {
    let place = walk.headerPlace(offset)
    guard let header = walk.reader.value(shmbus_slot_header.self, at: place) else { return nil }
    let room = Int(word.span) * layout.slotSize
    let length = Int(header.length)
    let keyLength = Int(header.key_length)
    let fits = length + keyLength <= room
    let needsBytes = options.verify || isWanted(offset, word.span)
    var bytes: [UInt8] = []
    if fits, needsBytes {
      bytes = payload(walk, offset, from: 0, count: length + keyLength)
    }
    acquireFence()
    guard !walk.isOverrun(offset), walk.control(offset) == word else { return nil }
    var isChecksumRight: Bool?
    if header.flags & SlotHeader.Flag.checksum != 0, fits, needsBytes {
      isChecksumRight =
        bytes.count == length + keyLength && Self.sum(bytes, at: offset) == header.checksum
    }
    var faults = FaultList(place: place)
    checkHeader(header, word, fits: fits, room: room, &faults)
    if needsBytes, fits {
      checkBytes(header, Array(bytes.dropFirst(length)), isChecksumRight, &faults)
    }
    for fault in faults.all {
      log.report(
        fault.severity, at: fault.byte,
        "slot \(walk.slot(offset)) (offset \(offset)) \(fault.what)", found: fault.found,
        expected: fault.expected)
    }
    let isDamaged = faults.all.contains { $0.severity == .damage }
    return slot(
      walk, offset, word, header, isDamaged ? .damaged : .message,
      key: Array(bytes.dropFirst(length)),
      payload: options.withPayload ? Array(bytes.prefix(length)) : [],
      isChecksumRight: isChecksumRight)
  }

  private func isWanted(_ offset: Offset, _ span: UInt64) -> Bool {
    guard let wanted = options.offsets else { return options.newest > 0 }
    return offset <= wanted.upperBound && offset + span > wanted.lowerBound
  }

  private static func sum(_ bytes: [UInt8], at offset: Offset) -> UInt32 {
    let start = SlotHeader.checksumStart(offset)
    return unsafe bytes.withUnsafeBytes { buffer in
      unsafe buffer.baseAddress.map { unsafe shmbus_crc32c(start, $0, buffer.count) } ?? start
    }
  }

  /// Bytes of a message, across the ring's end too.
  private func payload(
    _ walk: RingWalk, _ offset: Offset, from first: Int, count: Int
  ) -> [UInt8] {
    let start = Int(walk.slot(offset)) * layout.slotSize + first
    let untilWrap = min(count, layout.payloadBytes - start)
    let head = walk.reader.copy(at: layout.payloadOffset + start, count: untilWrap)
    guard untilWrap < count else { return head }
    return head + walk.reader.copy(at: layout.payloadOffset, count: count - untilWrap)
  }

  private func checkHeader(
    _ header: shmbus_slot_header, _ word: ControlWord, fits: Bool, room: Int,
    _ faults: inout FaultList
  ) {
    if header.magic != SHMBUS_MESSAGE_MAGIC {
      faults.add(
        0, "magic", "0x\(String(header.magic, radix: 16))",
        "0x\(String(SHMBUS_MESSAGE_MAGIC, radix: 16)) ('SHMQ')")
    }
    if !fits {
      faults.add(
        4, "length", "\(header.length) + \(header.key_length) bytes of key",
        "at most \(room) in a span of \(word.span)")
    }
    if header.flags & ~0x1f != 0 {
      faults.add(46, "flags", "\(header.flags)", "known bits only (31)")
    }
    if header.key_length > 0, header.flags & SlotHeader.Flag.key == 0 {
      faults.add(44, "keyLength", "\(header.key_length)", "0 without the key flag")
    }
    if word.publisher >= UInt64(layout.maxPublishers) {
      faults.add(
        16, "control.publisher", "\(word.publisher)", "0 to \(layout.maxPublishers - 1)")
    }
    if let control = partition.control, control.hasHeader, control.hasChecksums,
      header.flags & SlotHeader.Flag.checksum == 0
    {
      faults.add(46, "flags", "no checksum", "one: the bus keeps checksums")
    }
    checkTime(header.timestamp, &faults)
  }

  /// Clocks are set, so a strange time is no damage, unless no clock can ever have shown it.
  private func checkTime(_ time: UInt64, _ faults: inout FaultList) {
    let day: UInt64 = 86_400_000_000_000
    let end: UInt64 = 7_258_118_400_000_000_000  // the year 2200
    if time == 0 || time > end {
      faults.add(8, "timestamp", "\(time)", "nanoseconds since 1970, before the year 2200")
    } else if time > Clock.realtime() + day {
      faults.add(
        8, "timestamp", "\(time), in the future", "at most a day from now", severity: .notice)
    } else if let created = partition.control?.header.created, created > day, created < end,
      time < created - day
    {
      faults.add(
        8, "timestamp", "\(time)", "nothing before the bus was created (\(created))",
        severity: .notice)
    }
  }

  private func checkBytes(
    _ header: shmbus_slot_header, _ key: [UInt8], _ isChecksumRight: Bool?,
    _ faults: inout FaultList
  ) {
    if isChecksumRight == false {
      faults.add(
        48, "checksum", "0x\(String(header.checksum, radix: 16)), which its bytes do not have",
        "the CRC-32C of payload and key")
    }
    guard header.flags & SlotHeader.Flag.key != 0, key.count == Int(header.key_length) else {
      return
    }
    let hash = unsafe Murmur2.hash(key.span.bytes)
    if hash != header.key_hash {
      faults.add(40, "keyHash", "\(header.key_hash)", "\(hash), the key's murmur2")
    }
  }

  private func slot(
    _ walk: RingWalk, _ offset: Offset, _ word: ControlWord, _ header: shmbus_slot_header,
    _ state: RingReport.State, key: [UInt8], payload: [UInt8], isChecksumRight: Bool?
  ) -> SlotReport {
    SlotReport(
      offset: offset, slot: walk.slot(offset), state: state, control: word.raw, span: word.span,
      lap: word.lap, publisher: Int(word.publisher),
      isInsideBatch: header.flags & SlotHeader.Flag.insideBatch != 0, magic: header.magic,
      length: header.length, timestamp: header.timestamp, sequence: header.sequence,
      producer: header.producer, keyHash: header.key_hash, keyLength: header.key_length,
      flags: header.flags, checksum: header.checksum, isChecksumRight: isChecksumRight, key: key,
      payload: payload)
  }
}

/// What is wrong with one slot; reported only once it is sure that it was not overwritten.
private struct FaultList {
  struct Fault {
    let severity: Finding.Severity
    let byte: Int
    let what: String
    let found: String
    let expected: String
  }

  let place: Int
  private(set) var all: [Fault] = []

  init(place: Int) { self.place = place }

  mutating func add(
    _ byte: Int, _ what: String, _ found: String, _ expected: String,
    severity: Finding.Severity = .damage
  ) {
    all.append(
      Fault(
        severity: severity, byte: place + byte, what: what, found: found, expected: expected))
  }
}
