// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include "text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kLostRequest = 30'000'000'000;  // an HTTP request without any end
constexpr int kHttpOk = 200;
constexpr std::size_t kShown = 80;

mesura_fault_kind abi_kind(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::frame: return MESURA_FAULT_FRAME;
    case Problem::Kind::object: return MESURA_FAULT_OBJECT;
    case Problem::Kind::noise: return MESURA_FAULT_NOISE;
    case Problem::Kind::note: return MESURA_FAULT_NOTE;
  }
  return MESURA_FAULT_NOTE;
}

AnswerParser::Settings parser_settings(const Settings& s) {
  AnswerParser::Settings p;
  p.max_message = s.max_message;
  p.product_required = s.mode == Mode::udp;
  p.repair = s.mode == Mode::http;
  return p;
}

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string request(std::string_view address) { return fmt::format("GET http://{}/get_stats", address); }

/// "5 s", "3 min": how long something was.
std::string roughly(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000, kMinute = 60, kHour = 3600;
  const std::int64_t s = ns / kSecond;
  if (s < 2 * kMinute) return fmt::format("{} s", s);
  return s < 2 * kHour ? fmt::format("{} min", s / kMinute) : fmt::format("{} h", s / kHour);
}

}  // namespace

Ct6Session::Ct6Session(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(Settings::from(info)),
      parser_(parser_settings(settings_)),
      splitter_(settings_.max_message, *this),
      fleet_(host, settings_),
      poller_(settings_.interval, *this),
      now_ns_(info.now_ns),
      commands_(host, !info.link(kHttp).kind.empty(),
                [this](DeviceId device, std::string& why) { return web_server_of(device, why); }) {
  asks_ = info.live && (settings_.mode == Mode::udp || settings_.mode == Mode::http);
  if (settings_.can_check) {
    AnswerParser::Settings p = parser_settings(settings_);
    p.product_required = false;
    p.repair = true;
    check_parser_ = std::make_unique<AnswerParser>(p);
  }
  if (asks_) add_known_targets();
}

Target* Ct6Session::add_target(std::string_view address, bool fixed) {
  const std::string_view host_name = host_of(address);
  const bool http = settings_.mode == Mode::http;
  const int usual = http ? settings_.http_port : settings_.udp_port;
  const std::string_view called = address == fmt::format("{}:{}", host_name, usual) ? host_name : address;
  std::string to = http ? request(address) : std::string{address};
  if (!settings_.fleet) to = http ? "GET /get_stats" : "";
  std::string check;
  if (settings_.can_check) check = request(fmt::format("{}:{}", host_name, settings_.http_port));
  return poller_.add(address, called, fixed, std::move(to), std::move(check));
}

void Ct6Session::add_known_targets() {
  if (!settings_.fleet) {
    add_target(settings_.address, true);
    return;
  }
  for (const std::string& host_address : settings_.hosts) add_target(host_address, true);
}

// ---------------------------------------------------------------- asking

void Ct6Session::on_open(LinkId link, std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (link == kHttp) {
    http_open_ = true;
    commands_.on_link(true, now_ns);
    return;
  }
  open_ = true;
  splitter_.reset();
  if (!asks_) return;
  poller_.start(now_ns);
  if (settings_.fleet && settings_.mode == Mode::udp) {
    discover_in_ = std::min<std::chrono::nanoseconds>(1s, settings_.discover_every);
    discover();
  }
  turn();
}

void Ct6Session::on_close(LinkId link, std::int64_t now_ns, std::string_view, bool) {
  now_ns_ = now_ns;
  if (link == kHttp) {
    http_open_ = false;
    commands_.on_link(false, now_ns);
    return;
  }
  open_ = false;
  if (settings_.mode == Mode::stream) splitter_.finish();
  host().disarm(kPollTimer);
  host().disarm(kDiscoverTimer);
}

void Ct6Session::on_timer(TimerId timer, std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (commands_.on_timer(timer, now_ns) || !open_) return;
  if (timer == kDiscoverTimer) {
    discover();
  } else {
    turn();
  }
}

/// Often at first: a datagram gets lost, and somebody is waiting.
void Ct6Session::discover() {
  host().send(kData, kQuestion, fmt::format("broadcast:{}", settings_.udp_port));
  host().arm(kDiscoverTimer, discover_in_);
  discover_in_ = std::min(2 * discover_in_, settings_.discover_every);
}

void Ct6Session::turn() {
  const auto next = poller_.turn(now_ns_);
  if (next >= 0ns) host().arm(kPollTimer, next);
}

bool Ct6Session::ask(Target& target) {
  if (settings_.mode == Mode::udp) {
    host().send(kData, kQuestion, target.to);  // what the network does not take now is a question without an answer
    return true;
  }
  // One request at a time: the unit serves them one after another.
  if (commands_.asks(target.address)) return false;
  if (target.waiting && now_ns_ - target.asked_ns < kLostRequest) return false;
  return host().send(kData, std::string_view{}, target.to);
}

void Ct6Session::missed(Target& target) {
  fmt::memory_buffer message;
  fmt::format_to(std::back_inserter(message), "{}: expected an answer before the next question", target.called);
  note("no_answer", {message.data(), message.size()}, kData);
}

void Ct6Session::fell_silent(Target& target, std::int64_t now_ns) {
  if (target.moved) return;
  const std::string who =
      target.unit != nullptr && settings_.fleet ? target.unit->called() + " (" + target.called + ")" : target.called;
  host().log(MESURA_LOG_WARN,
             fmt::format("{} has not answered for {}; it is asked on", who, roughly(now_ns - target.silent_since_ns)));
}

/// The unit may just be inactive: then it is deaf to UDP, but not to HTTP.
void Ct6Session::look_after(Target& target, std::int64_t) {
  if (http_open_ && !target.check.empty() && !target.moved) host().send(kHttp, std::string_view{}, target.check);
}

// ---------------------------------------------------------------- listening

void Ct6Session::on_bytes(LinkId link, Bytes bytes, const Meta& meta) {
  now_ns_ = meta.received_ns;
  if (link == kHttp) {
    if (!commands_.on_answer(bytes, meta)) on_check(bytes, meta);
    return;
  }
  switch (settings_.mode) {
    case Mode::stream: splitter_.push(text_of(bytes), meta.offset); break;
    case Mode::udp: take(bytes, meta.offset, target_of(meta), meta.peer); break;
    case Mode::http: on_http_data(bytes, meta); break;
    case Mode::mqtt: take(bytes, meta.offset, nullptr, meta.topic); break;
  }
}

Target* Ct6Session::target_of(const Meta& meta) {
  if (!asks_) return nullptr;
  if (!settings_.fleet) return poller_.find(settings_.address);
  return settings_.mode == Mode::http ? poller_.find_request(meta.topic) : poller_.find(meta.peer);
}

void Ct6Session::on_http_data(Bytes bytes, const Meta& meta) {
  Target* const target = target_of(meta);
  const std::string_view address = target != nullptr ? std::string_view{target->address} : meta.peer;
  if (asks_ && target == nullptr) return;  // an answer to nothing that was asked
  if (meta.status == kHttpOk || meta.status == 0) {
    const Outcome outcome = take(bytes, meta.offset, target, address);
    if (target != nullptr && outcome != Outcome::answer) poller_.failed(*target, now_ns_);
    return;
  }
  const std::string reason = excerpt(text_of(bytes), kShown);
  if (meta.status < 0) {
    note("http_failed", fmt::format("{}: {}", address, reason), kData, meta.offset, bytes.size());
  } else {
    host().fault({MESURA_FAULT_FRAME, "http_status",
                  fmt::format("{}: expected status 200, got {} {}", address, meta.status, reason), meta.offset,
                  bytes.size(), kData});
  }
  if (target != nullptr) poller_.failed(*target, now_ns_);
}

void Ct6Session::on_object(std::string_view text, std::uint64_t offset) {
  take(bytes_of(text), offset, nullptr, std::string_view{});
}

void Ct6Session::on_problem(const Problem& problem) { tell(problem, 0, kData); }

Outcome Ct6Session::take(Bytes bytes, std::uint64_t offset, Target* target, std::string_view address) {
  problems_.clear();
  const Outcome outcome = parser_.parse(bytes, answer_, problems_);
  if (outcome != Outcome::answer) {
    tell_problems(offset, kData);
    return outcome;
  }
  if (target == nullptr && settings_.mode == Mode::udp && asks_) target = find_or_add(address);
  Unit* const unit = fleet_.unit_of(answer_, target, address, now_ns_);
  if (unit == nullptr) {
    problems_.push_back({Problem::Kind::frame, "too_many_units",
                         fmt::format("expected at most {} units, got another one at {}", Poller::kMaxTargets, address),
                         0, bytes.size()});
    tell_problems(offset, kData);
    return Outcome::rejected;
  }
  fleet_.take_texts(*unit, answer_, address, problems_);
  if (target != nullptr) {
    const std::int64_t since_ns = target->silent_since_ns;
    if (poller_.answered(*target, now_ns_))
      host().log(MESURA_LOG_INFO, fmt::format("{} ({}) answers again, after {}", unit->called(), target->called,
                                              roughly(now_ns_ - since_ns)));
  }
  host().frame(kData, bytes);
  tell_problems(offset, kData);
  unit->emit(answer_, now_ns_, batch_);
  return outcome;
}

/// A unit that was discovered; nullptr: there are too many, or nobody to add it to.
Target* Ct6Session::find_or_add(std::string_view address) {
  if (!settings_.fleet || address.empty()) return nullptr;
  Target* const target = add_target(address, false);
  if (target != nullptr) host().arm(kPollTimer, poller_.next(now_ns_));
  return target;
}

// ---------------------------------------------------------------- units that don't answer

void Ct6Session::on_check(Bytes bytes, const Meta& meta) {
  Target* const target = settings_.can_check ? poller_.find_request(meta.topic) : nullptr;
  if (target == nullptr || !target->silent || meta.status != kHttpOk) return;
  problems_.clear();
  if (check_parser_->parse(bytes, answer_, problems_) != Outcome::answer) {
    tell_problems(meta.offset, kHttp);
    return;
  }
  Unit* const unit = fleet_.unit_of(answer_, target, target->address, now_ns_);
  if (unit != nullptr) {
    fleet_.take_texts(*unit, answer_, target->address, problems_);
    report_silent(*target, *unit, !answer_.has(UnitNumber::active) || answer_[UnitNumber::active] != 0);
    unit->emit_active(answer_, now_ns_, batch_);
  }
  tell_problems(meta.offset, kHttp);
}

void Ct6Session::report_silent(Target& target, const Unit& unit, bool active) {
  const std::string_view host_name = host_of(target.address);
  if (active) {
    if (std::exchange(target.blocked_told, true)) return;
    host().log(MESURA_LOG_WARN,
               fmt::format("{} ({}) is active and answers HTTP, but not UDP: look for what stops datagrams to port {}",
                           unit.called(), host_name, settings_.udp_port));
    return;
  }
  if (std::exchange(target.inactive_told, true)) return;
  host().log(MESURA_LOG_WARN, fmt::format("{} ({}) is inactive: it answers HTTP, but sends no data; activate it with: "
                                          "mesura device ct6://{} activate",
                                          unit.called(), host_name, host_name));
}

// ---------------------------------------------------------------- commands

void Ct6Session::on_command(const Command& command) { commands_.take(command, now_ns_); }

void Ct6Session::on_cancel(std::uint64_t request, std::int64_t now_ns) {
  now_ns_ = now_ns;
  commands_.cancel(request, now_ns);
}

std::string Ct6Session::web_server_of(DeviceId device, std::string& why) const {
  if (!settings_.fleet && !settings_.http_address.empty()) return settings_.http_address;
  if (!asks_) {
    why = settings_.mode == Mode::mqtt ? "commands go over the unit's web server, and what it sends over MQTT does not "
                                         "say where that is: give the "
                                         "device the link http (links: {http: {http: {host: 192.168.0.34}}})"
                                       : "a file takes no commands";
    return {};
  }
  std::string_view address = settings_.address;
  if (settings_.fleet) {
    const Unit* const unit = fleet_.find(device);
    if (unit == nullptr || unit->at == nullptr) {
      why = "the unit's address is not known at present: it has not answered";
      return {};
    }
    address = unit->at->address;
  }
  // Polled over HTTP it is known with its port.
  if (settings_.mode == Mode::http) return std::string{address};
  return with_port(host_of(address), settings_.http_port);
}

// ---------------------------------------------------------------- faults

void Ct6Session::tell(const Problem& problem, std::uint64_t offset, LinkId link) {
  host().fault({abi_kind(problem.kind), problem.code, problem.message, offset + problem.offset, problem.length, link});
}

void Ct6Session::tell_problems(std::uint64_t offset, LinkId link) {
  for (const Problem& problem : problems_) tell(problem, offset, link);
}

void Ct6Session::note(std::string_view code, std::string_view message, LinkId link, std::uint64_t offset,
                      std::uint64_t length) {
  host().fault({MESURA_FAULT_NOTE, code, message, offset, length, link});
}

}  // namespace mesura::ct6
