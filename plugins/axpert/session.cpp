// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::axpert {
namespace {

constexpr LinkId kData = 0;
constexpr int kSilentAtMost = 4;  // transactions, each tried three times
constexpr int kFailedRoundsAtMost = 3;
constexpr std::size_t kOutputMode = 20;  // index in QPGSn

}  // namespace

AxpertSession::AxpertSession(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(Settings::from(info)),
      engine_(settings_.engine, *this),
      reader_(*this, settings_.zone),
      schedule_(settings_),
      commands_(*this, settings_.zone) {
  if (settings_.dialect) reader_.set_dialect(*settings_.dialect);
  if (!settings_.offline) return;
  reader_.expect(settings_.command);
  if (wire_of(Dialect::pi30, settings_.command) == Wire::sum) {
    offline_check_ = Check::sum;
    if (!settings_.dialect) reader_.set_dialect(Dialect::pi30revo);
  }
  const bool numbered = settings_.command.starts_with("QPGS") || settings_.command.starts_with("QP2GS") ||
                        settings_.command.starts_with("PGS") || settings_.command.starts_with("PRI");
  const char last = settings_.command.empty() ? ' ' : settings_.command.back();
  if (numbered && last >= '0' && last <= '9') offline_number_ = last - '0';
}

// ---------------------------------------------------------------- the link

void AxpertSession::on_open(LinkId, std::int64_t now_ns) {
  framer_.reset();
  reader_.forget();
  if (settings_.offline) return;
  engine_.abort();
  schedule_.clear();
  schedule_.tick(now_ns);
  exchange_.reset();
  single_tracker_ = false;
  present_units_ = 0;
  silent_ = 0;
  detection_.start(settings_.dialect);
  phase_ = Phase::detecting;
  serial_.clear();
  long_serial_.clear();
  detect();
}

void AxpertSession::on_close(LinkId, std::int64_t, std::string_view reason, bool) {
  phase_ = Phase::closed;
  if (settings_.offline) {
    if (framer_.pending() != 0)
      offline_fault({framer_.partial(), framer_.partial(), framer_.partial_offset()}, MESURA_FAULT_FRAME, "truncated",
                    "the end of a reply is missing");
    framer_.reset();
    return;
  }
  engine_.abort();
  host().disarm(kScheduleTimer);
  exchange_.reset();
  commands_.end_all(fmt::format("the link closed: {}", reason));
}

void AxpertSession::on_bytes(LinkId, Bytes bytes, const Meta& meta) {
  std::uint64_t offset = meta.offset;
  if (!settings_.offline) {
    schedule_.tick(meta.received_ns);
    engine_.on_bytes(bytes, meta.received_ns, offset);
    return;
  }
  Frame frame;
  while (framer_.next(bytes, offset, frame, offline_check_ == Check::sum)) read_offline(frame, meta.received_ns);
}

void AxpertSession::on_timer(TimerId timer, std::int64_t now_ns) {
  schedule_.tick(now_ns);
  switch (timer) {
    case kGapTimer: engine_.on_timer(EngineTimer::gap, now_ns); return;
    case kTotalTimer: engine_.on_timer(EngineTimer::total, now_ns); return;
    case kPaceTimer: engine_.on_timer(EngineTimer::pace, now_ns); return;
    default: break;
  }
  schedule_.fired();
  if (phase_ == Phase::resting) {
    detection_.start(settings_.dialect);
    phase_ = Phase::detecting;
    detect();
  } else {
    advance();
  }
}

// ---------------------------------------------------------------- asking

bool AxpertSession::transmit(Bytes bytes) {
  if (exchange_ && exchange_->changes) return host().send_for(exchange_->request, kData, bytes);
  return host().send(kData, bytes);
}

void AxpertSession::arm_engine(EngineTimer timer, std::chrono::nanoseconds delay) {
  host().arm(kGapTimer + static_cast<TimerId>(timer), delay);
}

void AxpertSession::disarm_engine(EngineTimer timer) { host().disarm(kGapTimer + static_cast<TimerId>(timer)); }

void AxpertSession::begin(std::string_view command, Wire wire, bool answered_before) {
  reader_.expect(command);
  engine_.begin({std::string{command}, wire, answered_before, true});
}

bool AxpertSession::answers(const Checked& reply) {
  if (exchange_ && exchange_->changes && !exchange_->any_reply) return false;
  return reader_.match(reply) == Reader::Match::found || (exchange_ && exchange_->any_reply);
}

void AxpertSession::detect() {
  if (phase_ != Phase::detecting || !engine_.idle()) return;
  const Detection::Probe probe = detection_.probe();
  begin(probe.command, probe.wire, false);
}

void AxpertSession::on_done(const Done& done) {
  const bool heard = done.outcome != Outcome::timeout && done.outcome != Outcome::io;
  silent_ = heard ? 0 : silent_ + 1;
  if (exchange_) {
    on_exchanged(done);
  } else if (phase_ == Phase::detecting) {
    on_detected(done);
  } else if (phase_ == Phase::polling) {
    on_polled(done);
  }
}

void AxpertSession::on_detected(const Done& done) {
  if (done.outcome == Outcome::ok) {
    reader_.observe();
    const std::string_view command = reader_.layout()->command;
    // Who it is can be told already; measurements wait until the dialect is known.
    if (command == "QPI" || command == "PI" || command == "QID" || command == "QSID" || command == "ID")
      static_cast<void>(read({{}, done.frame, done.offset}, done.received_ns, -1));
  }
  detection_.answered(done.outcome, reader_.evidence());
  if (detection_.serials_known() && !right_inverter()) return;
  switch (detection_.state()) {
    case Detection::State::asking: detect(); return;
    case Detection::State::known: start_polling(); return;
    case Detection::State::failed: break;
  }
  if (++failed_rounds_ >= kFailedRoundsAtMost) return give_up("no inverter answers in any protocol");
  phase_ = Phase::resting;
  host().arm(kScheduleTimer, settings_.interval);
}

/// Whether it is the one that was asked for; tells its serial.
bool AxpertSession::right_inverter() {
  const std::string& serial = long_serial_.empty() ? serial_ : long_serial_;
  const std::string& wanted = settings_.serial_number;
  if (!wanted.empty() && wanted != serial_ && wanted != long_serial_) {
    give_up(
        fmt::format("expected the inverter with serial number {}, got {}", wanted, serial.empty() ? "none" : serial));
    return false;
  }
  if (!serial.empty()) host().attribute("serial", serial);
  return true;
}

void AxpertSession::start_polling() {
  failed_rounds_ = 0;
  const Dialect dialect = detection_.dialect();
  reader_.set_dialect(dialect);
  host().attribute("dialect", name(dialect));
  single_tracker_ = detection_.refused().contains("QPIGS2") || dialect == Dialect::pi30revo;
  schedule_.start(dialect, detection_.refused());
  phase_ = Phase::polling;
  advance();
}

void AxpertSession::give_up(std::string_view reason) {
  phase_ = Phase::closed;
  failed_rounds_ = 0;
  engine_.abort();
  host().disarm(kScheduleTimer);
  exchange_.reset();
  commands_.end_all(reason);
  host().reopen(kData, reason);
}

/// False: the inverter's clock, which dates are taken from, is not known.
bool AxpertSession::dated_command(const Schedule::Entry& entry, std::string& command) const {
  command = entry.command;
  if (!entry.query->command.ends_with('@')) return true;
  const std::string_view date = reader_.decoder().date();
  if (date.empty()) return false;
  const char span = entry.command.back();
  command += date.substr(0, span == 'Y' ? 4 : span == 'M' ? 6 : 8);
  return true;
}

void AxpertSession::advance() {
  if (phase_ != Phase::polling || !engine_.idle()) return;
  if (begin_exchange()) return;
  std::string command;
  while (Schedule::Entry* entry = schedule_.due()) {
    schedule_.asked(*entry);
    if (!dated_command(*entry, command)) continue;
    pattern_ = entry->query->command;
    unit_ = entry->unit;
    begin(command, wire_of(reader_.dialect(), entry->command), entry->answered);
    return;
  }
  if (const auto wait = schedule_.due_in()) host().arm(kScheduleTimer, *wait);
}

void AxpertSession::on_polled(const Done& done) {
  Schedule::Entry* entry = schedule_.find(pattern_, unit_);
  if (done.outcome == Outcome::io || silent_ >= kSilentAtMost) {
    if (silent_ >= kSilentAtMost) return give_up(fmt::format("no reply to the last {} requests", silent_));
    host().arm(kScheduleTimer, settings_.interval);
    return;
  }
  if (done.outcome == Outcome::ok) {
    const auto result = read({{}, done.frame, done.offset}, done.received_ns, unit_);
    if (entry != nullptr) {
      entry->answered = true;
      if (unit_ >= 0) on_unit(*entry, result == ReplyDecoder::Result::absent);
    }
  } else if ((done.outcome == Outcome::nak || done.outcome == Outcome::echo) && entry != nullptr && !entry->answered &&
             !entry->query->essential) {
    entry->dropped = true;
    if (pattern_ == "QPIGS2") single_tracker_ = true;
    host().log(MESURA_LOG_DEBUG, fmt::format("{} is not supported by this inverter", entry->command));
  }
  advance();
}

void AxpertSession::on_unit(Schedule::Entry& entry, bool absent) {
  const bool exists = !absent && reader_.tokens()[0].mantissa != 0;
  if (!exists && entry.unit > 0) return schedule_.rest(entry);
  if (entry.unit == 0 && entry.query->cadence == Cadence::parallel) {
    const Tokens& tokens = reader_.tokens();
    const bool single = pattern_ == "QPGS#" && tokens.size() > kOutputMode && tokens[kOutputMode].mantissa == 0;
    schedule_.set_parallel(exists && !single);
    if (single) return;
  }
  // The pointer goes with what is added.
  if (exists) schedule_.add_unit(entry.query->command, entry.unit + 1);
}

// ---------------------------------------------------------------- reading

ReplyDecoder::Result AxpertSession::read(const Frame& frame, std::int64_t received_ns, int unit, bool whole) {
  frame_offset_ = frame.offset;
  frame_length_ = frame.whole.size();
  ReplyDecoder::Context context;
  context.single_tracker = single_tracker_;
  context.received_ns = received_ns;
  if (unit >= 0) {
    const std::uint32_t bit = 1U << static_cast<unsigned>(unit);
    present_units_ = reader_.tokens()[0].mantissa != 0 ? present_units_ | bit : present_units_ & ~bit;
    context.tells_system = (present_units_ & (bit - 1U)) == 0;
  }
  host().frame(kData, frame.whole);
  const auto result = reader_.decode(unit, context, whole);
  const auto batch = reader_.decoder().batch();
  if (!batch.empty()) host().emit(batch, MESURA_NO_TIME, received_ns);
  return result;
}

void AxpertSession::offline_fault(const Frame& frame, mesura_fault_kind kind, std::string_view code,
                                  std::string_view message) {
  host().fault(
      {kind, code, message, frame.offset, std::max<std::uint64_t>(frame.whole.size(), frame.body.size()), kData});
}

/// Which of the parallel units a reply is from: the command's number, else by the order in which serials appear.
int AxpertSession::offline_unit() {
  if (!reader_.layout()->command.ends_with('#')) return -1;
  if (offline_number_ >= 0) return offline_number_;
  const std::string serial{reader_.tokens()[1].text()};
  const auto known = std::find(unit_serials_.begin(), unit_serials_.end(), serial);
  if (known != unit_serials_.end()) return static_cast<int>(known - unit_serials_.begin());
  constexpr std::size_t kMost = 10;
  if (unit_serials_.size() == kMost) return 0;
  unit_serials_.push_back(serial);
  return static_cast<int>(unit_serials_.size() - 1);
}

void AxpertSession::read_offline(const Frame& frame, std::int64_t received_ns) {
  if (frame.too_long)
    return offline_fault(frame, MESURA_FAULT_FRAME, "too_long", fmt::format("no end within {} bytes", Framer::kLimit));
  const Checked c = check(frame.body, offline_check_);
  switch (c.verdict) {
    case Verdict::nak: return offline_fault(frame, MESURA_FAULT_NOTE, "nak", "refused");
    case Verdict::ack: return offline_fault(frame, MESURA_FAULT_NOTE, "ack", "accepted");
    case Verdict::crc_error:
      return offline_fault(frame, MESURA_FAULT_FRAME, "crc_error",
                           fmt::format("expected {:04X}, got {:04X}", c.expected, c.got));
    case Verdict::too_short:
      return offline_fault(frame, MESURA_FAULT_FRAME, "short_reply", "too few bytes for a reply");
    case Verdict::not_printable:
      return offline_fault(frame, MESURA_FAULT_FRAME, "not_printable", "the CRC fits, but there are unprintable bytes");
    case Verdict::bad_length:
      return offline_fault(frame, MESURA_FAULT_FRAME, "bad_length", "the frame is not as long as it says");
    case Verdict::foreign: {
      const std::size_t start = find_start(frame.body);
      offline_fault({frame.body.first(start), {}, frame.offset}, MESURA_FAULT_NOISE, "noise",
                    "bytes that begin as no reply does");
      if (start < frame.body.size())
        read_offline({frame.body.subspan(start), frame.whole.subspan(start), frame.offset + start}, received_ns);
      return;
    }
    case Verdict::reply: break;
  }
  switch (reader_.match(c)) {
    case Reader::Match::found: break;
    case Reader::Match::none:
      return offline_fault(
          frame, MESURA_FAULT_FRAME, "unexpected_reply",
          settings_.command.empty()
              ? fmt::format("no known reply has the shape of '{}'", c.payload.substr(0, 40))
              : fmt::format("expected a reply to {}, got '{}'", settings_.command, c.payload.substr(0, 40)));
    case Reader::Match::ambiguous:
      return offline_fault(frame, MESURA_FAULT_FRAME, "ambiguous_reply",
                           fmt::format("could be a reply to {}: say which with option command", reader_.candidates()));
  }
  reader_.observe();
  static_cast<void>(read(frame, received_ns, offline_unit()));
}

// ---------------------------------------------------------------- what the decoder says

SeriesId AxpertSession::resolve(const Plan::Slot& slot) {
  const SeriesId id = host().series({slot.channel, slot.quantity, {}, slot.source});
  if (id != MESURA_NO_SERIES) series_names_.insert_or_assign(id, fmt::format("{}/{}", slot.channel, slot.quantity));
  return id;
}

void AxpertSession::on_attribute(std::string_view key, std::string_view value) {
  host().attribute(key, value);
  if (collecting_ != nullptr) collecting_->set(std::string{key}, Value::of(value));
}

void AxpertSession::on_serial(std::string_view serial, bool whole) {
  if (collecting_ != nullptr) collecting_->set("serial", Value::of(serial));
  (whole ? long_serial_ : serial_) = serial;
  // On a live link the longer of the two is told, when both were asked for.
  if (settings_.offline) host().attribute("serial", serial);
}

void AxpertSession::on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message) {
  on_remark(kind, code, message, frame_offset_, frame_length_);
}

void AxpertSession::on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message,
                              std::uint64_t offset, std::uint64_t length) {
  host().fault({kind, code, message, offset, length, kData});
}

}  // namespace mesura::axpert
