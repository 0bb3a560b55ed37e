// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_inverter.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace mesura::axpert {
namespace {

using namespace twin;
using std::chrono::nanoseconds;

constexpr LinkId kHid = 1;
constexpr TimerId kFileTimer = 0;
constexpr std::size_t kReport = 8;
constexpr std::size_t kWaitingLimit = 512;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

VirtualAxpert::VirtualAxpert(Host host, const SessionInfo& info)
    : Device(host, info),
      behaviour_(read_behaviour(info)),
      machine_(read_machine(info)),
      faults_(behaviour_.fault_rates, behaviour_.seed),
      latencies_(virtual_house::scramble(behaviour_.seed ^ 0x17)),
      to_file_(info.link(0).kind == "file") {
  prepare(machine_, info);
  machine_.refresh();
}

void VirtualAxpert::on_open(LinkId link, std::int64_t) {
  if (to_file_ && link != kHid) host().arm(kFileTimer, nanoseconds{0});
}

void VirtualAxpert::on_close(LinkId link, std::int64_t, std::string_view, bool) {
  if (to_file_ && link != kHid) host().disarm(kFileTimer);
  for (const auto& port : ports_)
    if (port->used && port->link == link) forget(*port);
}

void VirtualAxpert::on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t) {
  if (joined) return;
  for (const auto& port : ports_)
    if (port->used && port->link == link && port->peer == peer) forget(*port);
}

void VirtualAxpert::on_bytes(LinkId link, Bytes bytes, const Meta& meta) {
  if (to_file_ && link != kHid) return;
  std::string_view text = text_of(bytes);
  // Some stacks put the number of the report in front of it.
  if (link == kHid && text.size() == kReport + 1 && text.front() == '\0') text.remove_prefix(1);
  feed(port_of(link, meta.peer), text, meta.received_ns);
}

void VirtualAxpert::on_timer(TimerId timer, std::int64_t now_ns) {
  if (timer == kFileTimer) {
    write_to_file(now_ns);
  } else if (timer <= ports_.size() && ports_[timer - 1]->used) {
    pump(*ports_[timer - 1], now_ns);
  }
}

// ---------------------------------------------------------------- requests

VirtualAxpert::Port& VirtualAxpert::port_of(LinkId link, std::string_view peer) {
  Port* free = nullptr;
  for (const auto& port : ports_) {
    if (port->used && port->link == link && port->peer == peer) return *port;
    if (!port->used) free = port.get();
  }
  if (free == nullptr) {
    free = ports_.emplace_back(std::make_unique<Port>()).get();
    free->timer = static_cast<TimerId>(ports_.size());
  }
  free->used = true;
  free->link = link;
  free->peer = peer;
  return *free;
}

void VirtualAxpert::forget(Port& port) {
  host().disarm(port.timer);
  const TimerId timer = port.timer;
  port = Port{};
  port.timer = timer;
}

void VirtualAxpert::feed(Port& port, std::string_view bytes, std::int64_t now_ns) {
  while (!bytes.empty()) {
    if (port.busy && behaviour_.overlap != Overlap::abort) {
      keep_for_later(port, bytes);
      return;
    }
    if (port.reader.empty()) {
      port.first_byte_ns = now_ns;
      port.request_bytes = 0;
    }
    const RequestReader::Event event = port.reader.push(bytes.front());
    ++port.request_bytes;
    bytes.remove_prefix(1);
    if (event != RequestReader::Event::none) take(port, event, now_ns);
    if (!port.used) return;  // a fault has closed the link
  }
}

void VirtualAxpert::keep_for_later(Port& port, std::string_view bytes) {
  if (behaviour_.overlap == Overlap::contaminate) {
    port.reader.contaminate(bytes);
    return;
  }
  const std::size_t kept = std::min(bytes.size(), kWaitingLimit - port.waiting.size());
  port.waiting.append(bytes.substr(0, kept));
  counters_.lost_input += bytes.size() - kept;
}

void VirtualAxpert::take(Port& port, RequestReader::Event event, std::int64_t now_ns) {
  ++counters_.requests;
  if (port.busy) {  // overlap: abort
    host().disarm(port.timer);
    port.busy = false;
    port.reports.clear();
  }
  if (now_ns < busy_until_ns_) return;
  if (faults_.happens(FaultKind::busy)) {
    ++counters_.faults;
    busy_until_ns_ = now_ns + faults_.parameter(FaultKind::busy).value_or(behaviour_.busy_for.count());
    return;
  }
  machine_.advance(now_ns);
  Reply reply;
  bool silent = false;
  if (faults_.happens(FaultKind::nak_storm)) {
    ++counters_.faults;
    reply = refusal(machine_.in(kRevo));
  } else if (event == RequestReader::Event::frame) {
    silent = !respond(port.reader.frame(), reply);
  } else {
    if (event == RequestReader::Event::overflow) ++counters_.overflows;
    counters_.last_request.clear();
    reply = refusal(machine_.in(kRevo));
  }
  if (!silent) begin_reply(port, std::move(reply), now_ns);
}

// ---------------------------------------------------------------- answers

VirtualAxpert::Reply VirtualAxpert::refusal(bool chk) {
  Reply reply;
  reply.nak = true;
  if (pi18()) {
    reply.bytes = seal("^0", behaviour_.crc);
  } else {
    reply.bytes = chk ? seal_chk("(NAK") : seal("(NAK", behaviour_.crc);
  }
  counters_.last_reply = pi18() ? "^0" : "(NAK";
  return reply;
}

VirtualAxpert::Reply VirtualAxpert::sealed(Answer answer) {
  Reply reply;
  counters_.last_reply = pi18() ? answer.text : "(" + answer.text;
  if (pi18()) {
    reply.bytes = seal_pi18(answer.text, behaviour_.crc);
  } else {
    reply.bytes = answer.chk ? seal_chk("(" + answer.text) : seal("(" + answer.text, behaviour_.crc);
  }
  reply.chk = answer.chk;
  reply.truth = std::move(answer.truth);
  return reply;
}

void VirtualAxpert::draw_content_faults() {
  machine_.dash = faults_.happens(FaultKind::dash);
  machine_.odd_flags = faults_.happens(FaultKind::odd_flags);
}

bool VirtualAxpert::respond(std::string_view frame, Reply& reply) {
  if (pi18()) return respond_pi18(frame, reply);
  const bool revo = machine_.in(kRevo);
  const bool by_crc = crc_fits(frame, behaviour_.lenient_crc);
  const bool by_chk = !by_crc && revo && chk_fits(frame);
  if (!by_crc && !by_chk) {
    ++counters_.bad_crc;
    counters_.last_request = frame;
    reply = refusal(revo);
    return true;
  }
  const std::string_view command = frame.substr(0, frame.size() - (by_crc ? 2 : 1));
  counters_.last_request = command;
  if (command == "QPIRI" || command == "QFLAG") draw_content_faults();
  std::optional<Answer> answer = answer_query(machine_, command);
  // REVO: each query has its own kind of checksum.
  if (answer && answer->chk != by_chk) answer.reset();
  const SetResult set = answer || revo ? SetResult::unknown : changed(command);
  return conclude(frame, answer ? &*answer : nullptr, set, reply);
}

bool VirtualAxpert::respond_pi18(std::string_view frame, Reply& reply) {
  constexpr std::size_t kHead = 5;  // ^P005
  const bool fits = crc_fits(frame, behaviour_.lenient_crc);
  const std::string_view body = fits ? frame.substr(0, frame.size() - 2) : frame;
  counters_.last_request = body;
  // The length counts what follows it, checksum and CR included.
  const bool framed = fits && body.size() > kHead && body.front() == '^' && (body[1] == 'P' || body[1] == 'S') &&
                      body.substr(2, 3) == fixed(static_cast<std::int64_t>(body.size() - kHead + 3), 3);
  if (!framed) {
    if (!fits) ++counters_.bad_crc;
    reply = refusal(false);
    return true;
  }
  const std::string_view command = body.substr(kHead);
  std::optional<Answer> answer;
  SetResult set = SetResult::unknown;
  if (body[1] == 'P') {
    answer = answer_pi18_query(machine_, command);
  } else {
    set = changed(command);
  }
  return conclude(frame, answer ? &*answer : nullptr, set, reply);
}

SetResult VirtualAxpert::changed(std::string_view command) {
  const auto apply = [&] { return pi18() ? apply_pi18_setter(machine_, command) : apply_setter(machine_, command); };
  if (!faults_.possible(FaultKind::ignore_setter)) return apply();
  const Machine before = machine_;
  const SetResult set = apply();
  if (set == SetResult::accepted && faults_.happens(FaultKind::ignore_setter)) {
    ++counters_.faults;
    machine_ = before;
  }
  return set;
}

bool VirtualAxpert::conclude(std::string_view frame, Answer* answer, SetResult set, Reply& reply) {
  if (answer != nullptr) {
    reply = sealed(std::move(*answer));
  } else if (set == SetResult::accepted) {
    ++counters_.setters;
    reply.bytes = seal(pi18() ? "^1" : "(ACK", behaviour_.crc);
    counters_.last_reply = pi18() ? "^1" : "(ACK";
  } else if (set == SetResult::refused || behaviour_.unknown == UnknownAnswer::nak) {
    counters_.unknown += set == SetResult::unknown ? 1 : 0;
    reply = refusal(machine_.in(kRevo));
  } else {
    ++counters_.unknown;
    if (behaviour_.unknown == UnknownAnswer::silence) return false;
    reply.bytes = frame;
    reply.bytes += '\r';
    reply.nak = true;
    counters_.last_reply = counters_.last_request;
  }
  return true;
}

// ---------------------------------------------------------------- truth and control

void VirtualAxpert::emit_truth(const std::vector<Truth>& truth, std::int64_t now_ns) {
  items_.clear();
  for (const Truth& t : truth) {
    const auto [entry, added] = series_.try_emplace({t.channel, t.quantity}, MESURA_NO_SERIES);
    if (added) {
      Series series;
      series.channel = t.channel;
      series.quantity = t.quantity;
      entry->second = host().series(series);
    }
    if (entry->second == MESURA_NO_SERIES) continue;
    items_.push_back(t.is_text ? text(entry->second, t.text) : number(entry->second, t.number));
  }
  host().emit(items_, now_ns, now_ns);
}

void VirtualAxpert::fault_command(const Command& command) {
  const std::string_view kind = command.arguments.text("kind");
  if (kind == "none") {
    faults_.clear();
    busy_until_ns_ = 0;
  } else if (const auto fault = find_fault(kind)) {
    const bool timed = *fault == FaultKind::slow || *fault == FaultKind::busy;
    const std::string_view name = timed ? "duration" : "at";
    std::optional<std::int64_t> parameter;
    if (command.arguments.has(name)) parameter = command.arguments.integer(name);
    faults_.order(*fault, command.arguments.integer("count", 1), parameter);
  } else {
    host().reply(command.id, MESURA_REPLY_REFUSED, "kind: no such fault");
    return;
  }
  host().reply(command.id, MESURA_REPLY_DONE, "");
}

void VirtualAxpert::on_command(const Command& command) {
  machine_.refresh();
  if (command.name == "get") {
    host().reply(command.id, MESURA_REPLY_DONE, "", state_json(machine_, counters_));
  } else if (command.dry_run) {
    host().reply(command.id, MESURA_REPLY_PLAN, "");
  } else if (command.name == "set") {
    const std::string error = set_state(machine_, command.arguments.text("name"), command.arguments.text("value"));
    host().reply(command.id, error.empty() ? MESURA_REPLY_DONE : MESURA_REPLY_REFUSED, error);
  } else if (command.name == "fault") {
    fault_command(command);
  } else {
    host().reply(command.id, MESURA_REPLY_REFUSED, "expected get, set or fault");
  }
}

}  // namespace mesura::axpert
