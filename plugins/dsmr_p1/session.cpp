// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace mesura::dsmr_p1 {
namespace {

constexpr LinkId kData = 0;

mesura_fault_kind abi_kind(DecodeFault::Kind kind) {
  switch (kind) {
    case DecodeFault::Kind::frame: return MESURA_FAULT_FRAME;
    case DecodeFault::Kind::object: return MESURA_FAULT_OBJECT;
    case DecodeFault::Kind::noise: return MESURA_FAULT_NOISE;
    case DecodeFault::Kind::note: return MESURA_FAULT_NOTE;
  }
  return MESURA_FAULT_NOTE;
}

}  // namespace

P1Session::P1Session(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(SessionSettings::from(info)),
      live_(info.live),
      decoder_(settings_.decoder, *this),
      emission_(settings_.emission, info.live, host) {}

void P1Session::on_open(LinkId, std::int64_t now_ns) {
  decoder_.reset();
  last_bytes_ns_ = now_ns;
  line_works_ = live_;
  raise_request();
}

void P1Session::on_close(LinkId, std::int64_t, std::string_view, bool) {
  decoder_.finish();
  host().disarm(kSilenceTimer);
  host().disarm(kSampleTimer);
  watching_ = false;
}

void P1Session::on_bytes(LinkId, mesura::Bytes bytes, const Meta& meta) {
  if (!requesting_) return;  // the rest of a telegram that nobody asked for any more
  // Recordings have no timers: their silences show in the receive times.
  const std::int64_t quiet_ns = meta.received_ns - last_bytes_ns_;
  if (quiet_ns >= decoder_.patience()) decoder_.silence(quiet_ns);
  last_bytes_ns_ = meta.received_ns;
  decoder_.push(bytes, meta.received_ns, meta.offset);
  if (satisfied_) drop_request();
  if (live_) watch_silence();
}

void P1Session::watch_silence() {
  const std::int64_t patience = decoder_.patience();
  if (watching_ || patience == Framer::kForever) return;
  watching_ = true;
  host().arm(kSilenceTimer, std::chrono::nanoseconds{patience});
}

void P1Session::on_timer(TimerId timer, std::int64_t now_ns) {
  if (timer == kSampleTimer) {
    raise_request();
    return;
  }
  // Armed once, not again with every byte: look now how long it has really been silent.
  watching_ = false;
  const std::int64_t patience = decoder_.patience();
  if (patience == Framer::kForever) return;
  const std::int64_t quiet_ns = now_ns - last_bytes_ns_;
  if (quiet_ns >= patience) {
    decoder_.silence(quiet_ns);
    watch_silence();
    return;
  }
  watching_ = true;
  host().arm(kSilenceTimer, std::chrono::nanoseconds{std::clamp<std::int64_t>(patience - quiet_ns, 0, patience)});
}

void P1Session::raise_request() {
  requesting_ = true;
  satisfied_ = false;
  // Held while open: the port's own options rts and dtr, on by default, have done that.
  if (settings_.request_line == RequestLine::always) return;
  if (!line_works_ || host().set_lines(kData, 1, 1)) return;
  line_works_ = false;
  host().log(
      MESURA_LOG_WARN,
      "request_line per_telegram needs a serial port with RTS or DTR; this link has none, every telegram is taken");
}

void P1Session::drop_request() {
  satisfied_ = false;
  if (!line_works_ || !host().set_lines(kData, 0, 0)) return;
  requesting_ = false;
  decoder_.discard();
  host().arm(kSampleTimer, settings_.sample_interval);
}

void P1Session::on_telegram(Telegram& telegram) {
  if (satisfied_ && line_works_) return;
  satisfied_ = settings_.request_line == RequestLine::per_telegram;
  decoder_.attributes().drain([this](std::string_view key, std::string_view value) { host().attribute(key, value); });
  if (telegram.meter_changed)
    host().log(MESURA_LOG_INFO, "the meter's serial changed: another meter, its registers start anew");
  // The line end behind the CRC is no part of the checked text, and may not even have come yet: readers of the relay
  // need it.
  frame_.assign(telegram.text.begin(), telegram.text.end());
  frame_.insert(frame_.end(), {'\r', '\n'});
  host().frame(kData, frame_);
  if (!telegram.line_faults.empty() || !telegram.unknown.empty()) tell_faults(telegram);
  emission_.telegram(telegram, last_bytes_ns_);
}

void P1Session::tell_faults(const Telegram& telegram) {
  for (const LineFault& fault : telegram.line_faults)
    host().fault(
        {MESURA_FAULT_OBJECT, "line_error", fault.message, telegram.offset + fault.offset, fault.length, kData});
  for (const std::string& code : telegram.unknown)
    host().fault({MESURA_FAULT_NOTE, "unknown_object", code, telegram.offset, telegram.text.size(), kData});
}

void P1Session::on_fault(const DecodeFault& fault) {
  host().fault({abi_kind(fault.kind), fault.code, fault.message, fault.offset, fault.length, kData});
}

}  // namespace mesura::dsmr_p1
