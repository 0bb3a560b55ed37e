// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How a reply of the virtual inverter leaves: when, in which pieces, and what happens to it on the way.
#include <algorithm>
#include <chrono>
#include <utility>

#include "virtual_inverter.hpp"

namespace mesura::axpert {
namespace {

using namespace twin;
using std::chrono::nanoseconds;

constexpr LinkId kHid = 1;
constexpr TimerId kFileTimer = 0;
constexpr std::size_t kReport = 8;
constexpr std::size_t kReportQueue = 64;  // as many as the kernel keeps; the oldest are lost
constexpr std::size_t kPacedPiece = 4;    // bytes at 2400 baud that leave at once
constexpr std::int64_t kNanosecondsPerByte = 10'000'000'000 / 2400;

}  // namespace

nanoseconds VirtualAxpert::latency(const Port& port, std::int64_t now_ns) {
  const std::int64_t spread = (behaviour_.latency_max - behaviour_.latency_min).count();
  std::int64_t delay = behaviour_.latency_min.count();
  if (spread > 0) delay += static_cast<std::int64_t>(latencies_.below(static_cast<std::uint64_t>(spread) + 1));
  if (behaviour_.realtime && port.link != kHid) {
    // The host hands over a request faster than its line could carry it.
    const std::int64_t arrived =
        port.first_byte_ns + static_cast<std::int64_t>(port.request_bytes) * kNanosecondsPerByte;
    delay += std::max<std::int64_t>(arrived - now_ns, 0);
  }
  if (faults_.happens(FaultKind::slow)) {
    ++counters_.faults;
    delay += faults_.parameter(FaultKind::slow).value_or(behaviour_.slow_by.count());
  }
  return nanoseconds{delay};
}

void VirtualAxpert::begin_reply(Port& port, Reply reply, std::int64_t now_ns) {
  if (faults_.happens(FaultKind::drop_reply)) {
    ++counters_.faults;
    return;
  }
  if (faults_.happens(FaultKind::disconnect)) {
    ++counters_.faults;
    disconnect(port);
    return;
  }
  const std::string whole = reply.bytes;
  FaultedReply faulted = spoil(faults_, std::move(reply.bytes), port.reply_before);
  port.reply_before = whole;
  if (faulted.bytes != whole) ++counters_.faults;
  reply.bytes = std::move(faulted.bytes);
  reply.spoilt = reply.spoilt || faulted.spoilt;
  reply.oversize = port.link == kHid && faults_.happens(FaultKind::oversize);
  if (reply.oversize) {
    ++counters_.faults;
    reply.spoilt = true;
  }
  if (reply.bytes.empty()) return;  // truncated to nothing
  port.reply = std::move(reply);
  port.busy = true;
  port.sent = 0;
  const nanoseconds delay = latency(port, now_ns);
  port.begin_ns = now_ns + delay.count();
  begin_sending(port, now_ns);
}

void VirtualAxpert::begin_sending(Port& port, std::int64_t now_ns) {
  if (port.link == kHid) {
    const std::size_t size = port.reply.oversize ? 2 * kReport : kReport;
    std::string_view rest = port.reply.bytes;
    while (!rest.empty()) {
      std::string& report = port.reports.emplace_back(rest.substr(0, size));
      rest.remove_prefix(report.size());
      report.resize(size, '\0');
    }
    while (port.reports.size() > kReportQueue) {
      port.reports.pop_front();
      port.reply.spoilt = true;
    }
  }
  if (port.begin_ns > now_ns) {
    host().arm(port.timer, nanoseconds{port.begin_ns - now_ns});
  } else {
    pump(port, now_ns);
  }
}

void VirtualAxpert::pump(Port& port, std::int64_t now_ns) {
  if (!port.busy) return;
  const bool done = port.link == kHid ? pump_reports(port, now_ns) : pump_bytes(port, now_ns);
  if (done) finish(port, now_ns);
}

bool VirtualAxpert::pump_bytes(Port& port, std::int64_t now_ns) {
  const std::string_view bytes = port.reply.bytes;
  if (!behaviour_.realtime) {
    push(port, bytes);
    return true;
  }
  const auto elapsed =
      static_cast<std::size_t>(std::max<std::int64_t>(now_ns - port.begin_ns, 0) / kNanosecondsPerByte);
  const std::size_t due = std::min(elapsed, bytes.size());
  if (due > port.sent) push(port, bytes.substr(port.sent, due - port.sent));
  port.sent = std::max(port.sent, due);
  if (port.sent == bytes.size()) return true;
  const std::size_t next = std::min(port.sent + kPacedPiece, bytes.size());
  const std::int64_t at = port.begin_ns + static_cast<std::int64_t>(next) * kNanosecondsPerByte;
  host().arm(port.timer, nanoseconds{at - now_ns});
  return false;
}

bool VirtualAxpert::pump_reports(Port& port, std::int64_t now_ns) {
  do {
    push(port, port.reports.front());
    port.reports.pop_front();
  } while (!port.reports.empty() && behaviour_.report_interval.count() == 0);
  if (port.reports.empty()) return true;
  // On the grid of the first report, so that late timers don't add up.
  const std::int64_t interval = behaviour_.report_interval.count();
  ++port.sent;
  const std::int64_t at = port.begin_ns + static_cast<std::int64_t>(port.sent) * interval;
  host().arm(port.timer, nanoseconds{std::max<std::int64_t>(at - now_ns, 0)});
  return false;
}

void VirtualAxpert::push(Port& port, std::string_view bytes) {
  if (host().send(port.link, bytes, port.peer)) return;
  ++counters_.refused_by_host;
  port.reply.spoilt = true;
}

void VirtualAxpert::finish(Port& port, std::int64_t now_ns) {
  port.busy = false;
  ++counters_.replies;
  if (port.reply.nak) ++counters_.naks;
  if (!port.reply.spoilt && !port.reply.truth.empty()) emit_truth(port.reply.truth, now_ns);
  if (port.waiting.empty()) return;
  const std::string waiting = std::exchange(port.waiting, {});
  feed(port, waiting, now_ns);
}

void VirtualAxpert::disconnect(Port& port) {
  const LinkId link = port.link;
  const std::string peer = port.peer;
  forget(port);
  if (peer.empty()) {
    host().reopen(link, "disconnect");
  } else {
    host().drop(link, peer);
  }
}

void VirtualAxpert::write_to_file(std::int64_t now_ns) {
  machine_.advance(now_ns);
  const bool query = !pi18();
  if (query) draw_content_faults();
  auto answer = query
                    ? answer_query(machine_, behaviour_.file_command)
                    : answer_pi18_query(machine_, behaviour_.file_command == "QPIGS" ? "GS" : behaviour_.file_command);
  Reply reply = answer ? sealed(std::move(*answer)) : refusal(machine_.in(kRevo));
  const std::string whole = reply.bytes;
  FaultedReply faulted = spoil(faults_, std::move(reply.bytes), {});
  if (faulted.bytes != whole) ++counters_.faults;
  const bool dropped = faults_.happens(FaultKind::drop_reply);
  const bool taken = !dropped && host().send(0, faulted.bytes);
  ++counters_.replies;
  if (taken && !faulted.spoilt) emit_truth(reply.truth, now_ns);
  ++file_replies_;
  if (behaviour_.file_replies != 0 && file_replies_ >= behaviour_.file_replies) {
    host().close(0);
  } else {
    host().arm(kFileTimer, behaviour_.file_interval);
  }
}

}  // namespace mesura::axpert
