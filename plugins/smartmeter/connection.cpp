// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command channel in time: what is asked when, and what silence means. What is answered: connection_replies.cpp.
#include "connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kKeepalive = 30 * kSecond;
constexpr std::int64_t kGreetingPatience = 1500 * kMillisecond;
constexpr std::int64_t kAskAgain = kSecond;
constexpr int kMostQuestions = 5;
constexpr std::int64_t kReplyPatience = 5 * kSecond;
constexpr std::int64_t kPollPatience = 3 * kSecond;
constexpr std::int64_t kSettle = 100 * kMillisecond;  // between stop and sample on serial
constexpr std::int64_t kSamplingPatience = 4 * kSecond;
constexpr std::int64_t kIdlePatience = 3500 * kMillisecond;    // three liveness lines
constexpr std::int64_t kAnswerPatience = 2500 * kMillisecond;  // to the question whether it is still there
constexpr std::int64_t kInfoPeriod = 60 * kSecond;             // while sampling: signal strength, relay
constexpr std::int64_t kTurn = 100 * kMillisecond;             // while a command awaits its answer
constexpr std::int64_t kMostBackoff = 60 * kSecond;
// The device takes a start 0.5 to 20 s ahead of its own clock.
constexpr std::int64_t kLeastLead = 2 * kSecond, kMostLead = 12 * kSecond;
// More would overrun the send buffer of present firmware.
constexpr std::size_t kMostRequestBytes = 1029;
constexpr std::size_t kLeastRequest = 11;

constexpr std::array<std::string_view, 7> kQuestions = {"info",      "getPower",  "getVoltage",   "getCurrent",
                                                        "getEnergy", "getPeriod", "getPhaseAngle"};

}  // namespace

Connection::Connection(Host host, const Settings& settings, Owner& owner, std::string peer)
    : host_(host), settings_(settings), owner_(owner), peer_(std::move(peer)), framer_(*this), run_(host) {}

void Connection::opened(std::int64_t now_ns) {
  now_ns_ = seen_ns_ = now_ns;
  framer_.reset();
  asked_ = false;
  polling_ = resumed_question_ = -1;
  tries_ = 0;
  poll_due_ = kNever;
  awaiting_ = held_ = watched_ = ordered_ = false;
  if (settings_.channel == Channel::recording) {
    model_ = settings_.model.value_or(Model::smartmeter);
    framer_.expect(settings_.request(model_).measure->row_bytes(), 65535);
    emitter_ = owner_.name_device(*this, {});
    enter(State::idle);
    return;
  }
  if (settings_.raw_on_command) {
    emitter_ = owner_.name_device(*this, {});
    enter(State::idle);
    return;
  }
  keepalive_due_ = now_ns + kKeepalive;
  enter(State::greeting, now_ns + kGreetingPatience);
  if (settings_.channel == Channel::serial) {  // greets nobody
    ++tries_;
    send(R"({"cmd":"info"})");
  }
  reckon();
}

void Connection::closed(std::int64_t now_ns, bool final) {
  now_ns_ = now_ns;
  if (final) framer_.finish();
  if (run_.active()) run_.end(now_ns);
  state_ = State::closed;
  due_ = kNever;
}

/// What still comes from it counts no more; the owner ends it.
void Connection::give_up(std::string_view reason) {
  closed(now_ns_, false);
  owner_.give_up(*this, reason);
}

void Connection::bytes(Bytes bytes, std::int64_t received_ns, std::uint64_t offset) {
  now_ns_ = received_ns;
  if (settings_.raw_on_command) {
    raw(bytes, received_ns);
    return;
  }
  if (state_ == State::closed) return;
  framer_.push(bytes, offset);
  run_.watch_drift(received_ns);
  reckon();
}

void Connection::datagram(Bytes bytes, std::int64_t received_ns, std::uint64_t offset) {
  now_ns_ = received_ns;
  if (state_ == State::closed) return;
  Frame frame;
  const std::size_t row = run_.active() ? run_.spec().measure->row_bytes() : 1;
  if (!parse_datagram(bytes, frame) || frame.payload.empty() || frame.payload.size() % row != 0) {
    host_.fault({MESURA_FAULT_FRAME, "bad_datagram",
                 fmt::format("expected one frame of whole rows, got {} bytes", bytes.size()), offset, bytes.size(), 1});
    return;
  }
  frame.offset = offset;
  on_frame(frame);
  run_.watch_drift(received_ns);
}

void Connection::raw(Bytes bytes, std::int64_t received_ns) {
  now_ns_ = seen_ns_ = received_ns;
  if (emitter_ == nullptr) return;  // it has not greeted yet
  if (!run_.active()) begin_default_run(settings_.raw_on_command ? 0 : 1);
  run_.raw(bytes, received_ns);
  run_.watch_drift(received_ns);
}

void Connection::data_opened(std::int64_t now_ns) {
  now_ns_ = now_ns;
  data_open_ = true;
  if (state_ == State::opening) prepare();
  reckon();
}

void Connection::data_closed(std::int64_t now_ns) {
  now_ns_ = now_ns;
  data_open_ = false;
  if (settings_.activity == Activity::raw && run_.active()) {
    run_.end(now_ns);
    emitter_->mode("idle", now_ns);
  }
}

/// Who it is, is known: what it is for?
void Connection::ready() {
  tries_ = 0;
  switch (settings_.activity) {
    case Activity::sample:
      // A command that waited for the greeting finds the device idle.
      if (owner_.command_waits(*this))
        enter(State::waiting, now_ns_ + kTurn);
      else
        prepare();
      break;
    case Activity::raw:
      enter(State::idle);
      owner_.open_data(*this);
      break;
    case Activity::poll:
      enter(State::idle);
      poll_next();
      break;
    case Activity::listen: enter(State::idle); break;
  }
}

/// Whatever a run needs before `sample` may be sent.
void Connection::prepare() {
  if (settings_.sink == Sink::udp && !data_open_ && !owner_.open_data(*this)) {
    enter(State::opening, now_ns_ + kReplyPatience);
    return;
  }
  if (const std::int64_t start = start_time(); start - now_ns_ > kMostLead) {
    enter(State::waiting, start - kMostLead);
    return;
  }
  if (settings_.sink == Sink::serial) {
    send(R"({"cmd":"stop"})");
    enter(State::settling, now_ns_ + kSettle);
    return;
  }
  send_sample();
}

/// Of the first row, or 0: now. A grid gives every device the same instant, whenever it connected.
std::int64_t Connection::start_time() const {
  if (settings_.start_ns != 0) return settings_.start_ns - now_ns_ >= kLeastLead ? settings_.start_ns : 0;
  if (settings_.grid_s == 0) return 0;
  const std::int64_t grid = settings_.grid_s * kSecond;
  return (now_ns_ + kLeastLead + grid - 1) / grid * grid;
}

void Connection::send_sample() {
  ordered_ = false;
  Settings::Request request{};
  try {
    request = settings_.request(model_);
  } catch (const std::invalid_argument& e) {
    log(MESURA_LOG_ERROR, e.what());
    fault(MESURA_FAULT_NOTE, "sample_refused", e.what());
    enter(State::idle);  // asking again would change nothing
    return;
  }
  scheduled_ns_ = start_time();
  enter(State::starting, now_ns_ + kReplyPatience);
  if (!send(sample_command(request))) retry("can't send to it");
}

std::string Connection::sample_command(const Settings::Request& request) const {
  constexpr std::array<std::string_view, 4> kTypes = {"TCP", "UDP", "Serial", "MQTT"};
  std::string text =
      fmt::format(R"({{"cmd":"sample","payload":{{"type":"{}","rate":{},"measures":"{}")",
                  kTypes[static_cast<std::size_t>(settings_.sink)], request.rate, request.measure->request);
  if (settings_.sink == Sink::udp) text += fmt::format(R"(,"port":{})", settings_.udp_port);
  if (settings_.flow_control != FlowControl::off) text += R"(,"flowCtr":true)";
  if (settings_.slots > 0) text += fmt::format(R"(,"slot":[{},{}])", settings_.slot, settings_.slots);
  if (scheduled_ns_ != 0) text += fmt::format(R"(,"time":{})", scheduled_ns_ / kSecond);
  return text + "}}";
}

/// After a refusal or an answer that did not come.
void Connection::retry(std::string_view why) {
  const std::int64_t pause = std::min(kSecond << std::min(++tries_, 6), kMostBackoff);
  // The first one of a row only: the rest is the same.
  if (tries_ == 1) log(MESURA_LOG_WARN, fmt::format("no run: {}; trying again, at least each minute", why));
  enter(State::waiting, now_ns_ + pause);
}

void Connection::end_run(std::string_view why) {
  if (run_.active()) run_.end(now_ns_);
  emitter_->mode("idle", now_ns_);
  log(MESURA_LOG_INFO, fmt::format("the run is over: {}", why));
  ordered_ = false;
  resume();
}

/// What the session does when nobody has asked for anything else.
void Connection::resume() {
  if (settings_.activity == Activity::sample) {
    enter(State::waiting, held_ ? kNever : now_ns_ + kSecond);
  } else {
    enter(State::idle);
    poll_due_ = settings_.activity == Activity::poll ? now_ns_ : kNever;
  }
}

FlowControl Connection::flow_control() const { return ordered_ ? FlowControl::off : settings_.flow_control; }

void Connection::poll_next() {
  const int next = polling_ + 1;
  if (next == static_cast<int>(kQuestions.size())) {
    polling_ = -1;
    poll_due_ = std::max(round_ns_ + settings_.interval.count(), now_ns_);
    emitter_->emit(MESURA_NO_TIME, now_ns_);
    return;
  }
  if (next > 0 && owner_.command_waits(*this)) {  // its turn; the round goes on behind it
    resumed_question_ = next;
    polling_ = -1;
    poll_due_ = now_ns_ + kTurn;
    return;
  }
  if (next == 0) round_ns_ = now_ns_;
  polling_ = next;
  poll_due_ = now_ns_ + kPollPatience;
  send(fmt::format(R"({{"cmd":"{}"}})", kQuestions[static_cast<std::size_t>(next)]));
}

/// The rows of one tenth of a second, as far as the device can give them at once.
std::size_t Connection::rows_to_request(const Measure& measure, std::int64_t rate) {
  return std::clamp<std::size_t>(static_cast<std::size_t>(rate / 10), kLeastRequest,
                                 kMostRequestBytes / measure.row_bytes());
}

void Connection::request_rows() {
  requested_rows_ = run_.spec().chunk_rows;
  poll_due_ = now_ns_ + static_cast<std::int64_t>(requested_rows_) * kSecond / run_.spec().rate + 100 * kMillisecond;
  send(fmt::format(R"({{"cmd":"reqSamples","samples":{}}})", requested_rows_));
}

void Connection::tick(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (state_ == State::closed || settings_.channel == Channel::recording || settings_.raw_on_command) {
    due_ = kNever;
    return;
  }
  if (now_ns >= keepalive_due_) {
    keepalive_due_ = now_ns + kKeepalive;
    send("!");
  }
  if (now_ns >= state_due_) state_due();
  if (state_ != State::closed && now_ns >= poll_due_ && awaiting_ && polling_ < 0) {
    poll_due_ = now_ns + kTurn;  // a command's answer first
  } else if (state_ != State::closed && now_ns >= poll_due_) {
    if (settings_.activity == Activity::poll && state_ != State::running) {
      if (polling_ >= 0) fault(MESURA_FAULT_NOTE, "no_answer", kQuestions[static_cast<std::size_t>(polling_)]);
      if (resumed_question_ >= 0) polling_ = std::exchange(resumed_question_, -1) - 1;
      poll_next();
    } else if (state_ == State::running && flow_control() == FlowControl::request) {
      request_rows();
    } else if (state_ == State::running) {
      poll_due_ = now_ns + kInfoPeriod;
      send(R"({"cmd":"info"})");
    } else {
      poll_due_ = kNever;
    }
  }
  if (state_ != State::closed) watch_silence();
  reckon();
}

void Connection::state_due() {
  state_due_ = kNever;
  switch (state_) {
    case State::greeting:
      if (++tries_ > kMostQuestions) {
        give_up("expected the greeting of a SmartMeter or PowerMeter, got none");
        return;
      }
      state_due_ = now_ns_ + kAskAgain;
      send(R"({"cmd":"info"})");
      break;
    case State::waiting:
      if (awaiting_ || owner_.command_waits(*this)) {
        state_due_ = now_ns_ + kTurn;
      } else if (!held_) {
        prepare();
      }
      break;
    case State::settling: send_sample(); break;
    case State::opening: retry("the data link does not open"); break;
    case State::starting: retry("expected an answer to sample, got none"); break;
    default: break;
  }
}

std::int64_t Connection::patience() const {
  if (state_ != State::running) return kIdlePatience;
  const Run::Spec& spec = run_.spec();
  const std::int64_t chunk = static_cast<std::int64_t>(spec.chunk_rows) * kSecond / spec.rate;
  const std::int64_t slots = ordered_ ? ordered_slots_ : settings_.slots;
  return std::max({kSamplingPatience, 2 * slots * kSecond, 3 * chunk});
}

void Connection::watch_silence() {
  if (state_ == State::greeting) return;  // has its own limit
  const std::int64_t quiet = now_ns_ - seen_ns_;
  if (quiet < patience()) return;
  if (state_ == State::running) {
    give_up(fmt::format("neither data nor lines for {} s while sampling", quiet / kSecond));
    return;
  }
  // A device that samples for somebody else over USB sends no lines: it is asked before it is given up.
  if (!asked_) {
    asked_ = true;
    send("?");
  } else if (quiet >= kIdlePatience + kAnswerPatience) {
    give_up("no liveness lines and no answer");
  }
}

void Connection::enter(State state, std::int64_t due_ns) {
  state_ = state;
  state_due_ = due_ns;
  idle_lines_ = 0;
}

void Connection::reckon() {
  if (state_ == State::closed || settings_.channel == Channel::recording || settings_.raw_on_command) return;
  due_ = std::min({state_due_, keepalive_due_, poll_due_});
  if (state_ == State::greeting) return;
  due_ = std::min(due_, seen_ns_ + patience() + (asked_ && state_ != State::running ? kAnswerPatience : 0));
}

bool Connection::send(std::string_view line) { return owner_.send_line(*this, line); }

void Connection::log(mesura_log_level level, std::string_view message) {
  host_.log(level, name_.empty() ? fmt::format("{}", message) : fmt::format("{}: {}", name_, message));
}

void Connection::fault(mesura_fault_kind kind, std::string_view code, std::string_view message) {
  host_.fault({kind, code, message, line_offset_, 0, 0});
}

}  // namespace mesura::smartmeter
