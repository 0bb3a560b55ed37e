// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the device says on its command channel, and what follows from it.
#include "answers.hpp"
#include "connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kInfoPeriod = 60 * kSecond;
constexpr int kIdleLines = 2;  // liveness lines in a row, after which a run is over
constexpr std::size_t kLongestPayload = 65535;
constexpr std::size_t kMostRequested = 2000;  // rows that reqSamples can ask for

/// The text of a log line "[I]03/02 10:37:08: text". source  protocol sheet, device to host
std::string_view log_text(std::string_view line) {
  constexpr std::size_t kHead = 17;
  if (line.size() >= kHead + 2 && line.substr(kHead, 2) == ": ") return line.substr(kHead + 2);
  return line.substr(3);
}

/// Unix seconds, as a text or a number.
std::int64_t time_member(const JsonObject& reply, std::string_view key) {
  const auto* member = reply.find(key);
  if (member == nullptr) return MESURA_NO_TIME;
  if (member->type == JsonMember::Type::text) return parse_unix_seconds(member->text).value_or(MESURA_NO_TIME);
  if (member->type != JsonMember::Type::number || !(member->number >= 0 && member->number < 9e9)) return MESURA_NO_TIME;
  return static_cast<std::int64_t>(std::llround(member->number * 1e3)) * 1'000'000;
}

std::size_t count_member(const JsonObject& reply, std::string_view key) {
  const double value = reply.number(key).value_or(0);
  return value >= 1 && value <= 1e6 ? static_cast<std::size_t>(value) : 0;
}

}  // namespace

void Connection::on_line(std::string_view text, Bytes whole, std::uint64_t offset) {
  if (state_ == State::closed) return;
  line_offset_ = offset;
  seen_ns_ = now_ns_;
  asked_ = false;
  host_.frame(0, whole);
  if (text.starts_with('{')) {
    if (reply_.parse(text)) {
      on_reply(text);
    } else if (!owner_.command_line(*this, text)) {
      host_.fault({MESURA_FAULT_FRAME, "bad_json", fmt::format("expected a JSON object, got '{}'", shown_text(text)),
                   offset, whole.size(), 0});
    }
  } else if (text.size() >= 3 && text[0] == '[' && text[2] == ']') {
    const std::string_view said = log_text(text);
    if (!said.empty()) owner_.command_line(*this, text);
    on_log_line(text[1], said);
  } else {
    owner_.command_line(*this, text);
  }
}

void Connection::on_framing_fault(mesura_fault_kind kind, std::string_view code, std::string_view message,
                                  std::uint64_t offset, std::uint64_t length) {
  host_.fault({kind, code, message, offset, length, 0});
}

void Connection::on_frame(const Frame& frame) {
  if (state_ == State::closed) return;
  seen_ns_ = now_ns_;
  idle_lines_ = 0;
  if (!run_.active()) {
    if (settings_.channel != Channel::recording) {
      const LinkId link = settings_.sink == Sink::udp ? 1 : 0;
      host_.fault({MESURA_FAULT_NOTE, "unasked_frame", fmt::format("packet {} belongs to no run of ours", frame.number),
                   frame.offset, frame.whole.size(), link});
      return;
    }
    begin_default_run(0);
  }
  run_.frame(frame, now_ns_);
  if (abandoned_) {
    abandoned_ = false;
    send(R"({"cmd":"stop"})");
  }
  if (watched_)
    owner_.command_rows(*this, static_cast<std::int64_t>(frame.payload.size() / run_.spec().measure->row_bytes()));
  if (requested_rows_ != 0 && flow_control() == FlowControl::request) request_rows();
}

void Connection::on_log_line(char level, std::string_view text) {
  if (level == 'I' && text.empty()) {
    on_liveness();
    return;
  }
  if (text.starts_with('{')) {  // a build that tells the periodic state in place of the empty text
    JsonObject state;
    if (emitter_ == nullptr || !state.parse(text)) return;
    const Stamp stamp = stamp_of(state, now_ns_);
    if (tell_state(state, *emitter_, stamp.quality)) emitter_->emit(stamp.time_ns, now_ns_);
    return;
  }
  if (level == 'E') {
    log(MESURA_LOG_WARN, fmt::format("the device says: {}", text));
    fault(MESURA_FAULT_NOTE,
          text.starts_with("MISSED") || text.starts_with("Overflow") ? "device_lost_samples" : "device_error", text);
  } else if (level == 'W') {
    log(MESURA_LOG_INFO, fmt::format("the device warns: {}", text));
    fault(MESURA_FAULT_NOTE, "device_warning", text);
  } else {
    log(MESURA_LOG_TRACE, text);
  }
}

/// Only idle devices send these: somebody else may have stopped our run.
void Connection::on_liveness() {
  if (settings_.channel == Channel::recording || state_ != State::running || run_.rows() == 0) return;
  if (++idle_lines_ >= kIdleLines) end_run("the device is idle");
}

void Connection::on_reply(std::string_view text) {
  const std::string_view cmd = reply_.text("cmd");
  const bool commanded = owner_.command_reply(*this, reply_, text);
  if (commanded && cmd != "info" && cmd != "stop") return;
  // Some descriptions leave the command out of its answer: then the keys tell.
  if (cmd == "info" || (cmd.empty() && reply_.has("type") && reply_.has("name"))) {
    on_info();
  } else if (cmd == "sample" || (cmd.empty() && state_ == State::starting)) {
    on_sample_reply();
  } else if (cmd == "stop" || reply_.has("sent_samples")) {
    on_stop_reply();
  } else if (polling_ >= 0) {
    on_poll_reply();
  } else if (reply_.boolean("error").value_or(false)) {
    log(MESURA_LOG_WARN,
        fmt::format("the device refused {}: {}", cmd.empty() ? "a command" : cmd, shown_message(reply_)));
    fault(MESURA_FAULT_NOTE, "refused", shown_message(reply_));
  }
}

void Connection::on_info() {
  const std::string_view type = reply_.text("type");
  const bool power_meter = equal_ignoring_case(type, "powermeter");
  if (!power_meter && !equal_ignoring_case(type, "smartmeter") && settings_.channel != Channel::recording) {
    give_up(fmt::format("expected type smartmeter or powermeter, got '{}'", type));
    return;
  }
  const Model told = power_meter ? Model::powermeter : Model::smartmeter;
  model_ = settings_.channel == Channel::recording ? settings_.model.value_or(told) : told;
  if (state_ == State::greeting && settings_.model && told != *settings_.model)
    log(MESURA_LOG_WARN, fmt::format("expected the type that is configured, got '{}': taken for what it says", type));
  name_ = reply_.text("name");
  address_ = reply_.text("ip");
  if (emitter_ == nullptr || state_ == State::greeting) emitter_ = owner_.name_device(*this, name_);
  if (emitter_ == nullptr) return;
  // While energy is derived from the waveform, the registers are those.
  const bool derives =
      settings_.derive && settings_.activity != Activity::poll && settings_.activity != Activity::listen;
  tell_info(reply_, *emitter_, host_, !derives);
  if (polling_ >= 0) {
    poll_next();
    return;
  }
  emitter_->emit(MESURA_NO_TIME, now_ns_);
  if (state_ == State::greeting) {
    owner_.greeted(*this, reply_);
    if (const std::string_view state = reply_.text("state"); state == "idle" || state == "busy")
      emitter_->mode(state == "busy" ? "sampling" : "idle", now_ns_);
    ready();
  }
}

void Connection::on_sample_reply() {
  const bool recording = settings_.channel == Channel::recording;
  if (!recording && state_ != State::starting) return;  // late: a new one was asked for, or is not wanted any more
  if (reply_.boolean("error").value_or(false)) {
    if (!recording) refused();
    return;
  }
  begin_run();
}

void Connection::refused() {
  const std::string msg{reply_.text("msg")};
  fault(MESURA_FAULT_NOTE, reply_.text("state") == "busy" ? "busy" : "sample_refused", msg);
  if (reply_.text("state") == "busy") {
    emitter_->mode("sampling", now_ns_);
    retry(fmt::format("the device is busy for somebody else ({})", msg));
  } else {
    retry(fmt::format("the device refused it ({})", msg));
  }
}

Run::Spec Connection::spec_of_reply(const Measure& measure) const {
  Run::Spec spec;
  spec.measure = &measure;
  spec.rate = static_cast<std::int64_t>(count_member(reply_, "samplingrate"));
  if (spec.rate == 0) spec.rate = settings_.request(model_).rate;
  spec.start_ns = time_member(reply_, "startTs");
  if (spec.start_ns == MESURA_NO_TIME) spec.start_ns = time_member(reply_, "start_ts");
  spec.chunk_rows = count_member(reply_, "chunksize") / measure.row_bytes();
  if (spec.chunk_rows == 0) spec.chunk_rows = settings_.chunk_rows;
  // Where the registers are the device's own, a run that was asked for by a command must not tell others.
  spec.derive = settings_.derive && (!ordered_ || settings_.activity == Activity::sample);
  spec.live = settings_.channel != Channel::recording;
  spec.doubtful_numbers = spec.live && (settings_.sink == Sink::udp || settings_.sink == Sink::serial);
  spec.link = settings_.sink == Sink::udp && spec.live ? 1 : 0;
  return spec;
}

void Connection::begin_run() {
  const std::size_t channels = count_member(reply_, "measurements");
  const Measure* measure = measure_of_reply(reply_.text("measures"), reply_.text("unit"), channels);
  if (measure == nullptr && channels == 0) measure = settings_.request(model_).measure;
  if (measure == nullptr || emitter_ == nullptr) {
    fault(MESURA_FAULT_NOTE, "unknown_rows",
          fmt::format("expected rows of a known kind, got measures '{}' with {} values", reply_.text("measures"),
                      channels));
    if (settings_.channel == Channel::recording) return;
    send(R"({"cmd":"stop"})");
    retry("its rows are of an unknown kind");
    return;
  }
  Run::Spec spec = spec_of_reply(*measure);
  const bool requests = flow_control() == FlowControl::request && spec.live;
  if (requests) spec.chunk_rows = rows_to_request(*measure, spec.rate);
  std::size_t longest = kLongestPayload;
  if (spec.chunk_rows != 0) {
    const std::size_t rows = requests || !spec.live ? std::max(spec.chunk_rows, kMostRequested) : spec.chunk_rows;
    longest = std::min(longest, rows * measure->row_bytes());
  }
  framer_.expect(measure->row_bytes(), longest);
  run_.begin(spec, *emitter_, now_ns_);
  abandoned_ = false;
  emitter_->mode("sampling", now_ns_);
  emitter_->add(Place::total, Quantity::sampling_rate, static_cast<double>(spec.rate));
  emitter_->emit(MESURA_NO_TIME, now_ns_);
  if (settings_.channel == Channel::recording) return;
  tries_ = 0;
  requested_rows_ = 0;
  enter(State::running);
  // A scheduled run is silent until it begins.
  if (scheduled_ns_ != 0 && spec.start_ns != MESURA_NO_TIME)
    seen_ns_ = std::max(seen_ns_, std::min(spec.start_ns, now_ns_ + 60 * kSecond));
  poll_due_ = now_ns_ + kInfoPeriod;
  if (flow_control() == FlowControl::cts) send(R"({"cmd":"cts","value":true})");
  if (flow_control() == FlowControl::request) request_rows();
}

/// Of a recording that begins behind the answer to `sample`, or of the raw stream: what the options say.
void Connection::begin_default_run(LinkId link) {
  const Settings::Request request = settings_.request(model_);
  Run::Spec spec;
  spec.measure = request.measure;
  spec.rate = request.rate;
  spec.chunk_rows = settings_.chunk_rows;
  spec.derive = settings_.derive;
  spec.live = settings_.channel != Channel::recording;
  spec.link = link;
  run_.begin(spec, *emitter_, now_ns_);
  emitter_->mode("sampling", now_ns_);
}

/// The one who says stop gets the answer; on serial and in recordings we see it.
void Connection::on_stop_reply() {
  if (!reply_.has("samples") || !run_.active()) return;
  const double produced = reply_.number("samples").value_or(0);
  log(MESURA_LOG_INFO,
      fmt::format("the run is over: the device made {:.0f} rows, sent {:.0f}; {} came or are known to be lost",
                  produced, reply_.number("sent_samples").value_or(0), run_.rows()));
  if (settings_.channel == Channel::recording) {
    run_.end(now_ns_);
    emitter_->mode("idle", now_ns_);
  } else if (state_ == State::running) {
    end_run("it was stopped");
  }
}

void Connection::on_poll_reply() {
  if (reply_.boolean("error").value_or(false)) {
    const bool busy = reply_.text("state") == "busy";
    fault(MESURA_FAULT_NOTE, busy ? "busy" : "refused", reply_.text("msg"));
    if (busy) {
      emitter_->mode("sampling", now_ns_);
      polling_ = -1;
      poll_due_ = now_ns_ + settings_.interval.count();
      emitter_->emit(MESURA_NO_TIME, now_ns_);
      return;
    }
  } else {
    if (tell_momentary(reply_, *emitter_)) emitter_->mode("idle", now_ns_);
  }
  poll_next();
}

}  // namespace mesura::smartmeter
