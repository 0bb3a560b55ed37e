// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/link.hpp"

#include "transport/capture.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kSummaryEvery = 1min;
/// Open for so long, it counts as recovered even if it is its nature to say nothing.
constexpr auto kSettled = 10s;

std::string duration_text(std::int64_t ns) {
  const std::int64_t seconds = ns / 1'000'000'000;
  if (seconds < 10) return fmt::format("{:.1f} s", static_cast<double>(ns) / 1e9);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

Link::Link(const Context& context, Maker make, Options options, Callbacks callbacks)
    : context_(context),
      make_(std::move(make)),
      options_(options),
      callbacks_(std::move(callbacks)),
      backoff_(options.backoff, options.seed) {}

Link::~Link() { stop(); }

void Link::start() {
  if (state_ == State::idle) attempt();
}

void Link::stop() {
  cancel_timers();
  if (capture_ && state_ == State::open) capture_->closed("stopped");
  retire();
  state_ = State::idle;
}

void Link::reopen(std::string_view why) {
  // While it is open or opening, the timer has only the end to tell that was asked for before.
  if ((state_ != State::connecting && state_ != State::open) || timer_ != 0) return;
  cancel_timers();
  transport_->doubt();
  transport_->close();
  // Told by the loop: the caller is inside its own call.
  timer_ = context_.loop.after(0ns, [this, reason = Reason{"asked", describe() + ": " + std::string{why}}] {
    timer_ = 0;
    down(reason, false);
  });
}

bool Link::send(Bytes bytes, std::string_view to) { return state_ == State::open && transport_->send(bytes, to); }

void Link::drop(std::string_view peer) {
  if (state_ == State::open) transport_->drop(peer);
}

bool Link::set_lines(int rts, int dtr) { return state_ == State::open && transport_->set_lines(rts, dtr); }

void Link::confirm() {
  backoff_.reset();
  if (confirmed_ || state_ != State::open) return;
  confirmed_ = true;
  transport_->confirm();
}

std::string Link::describe() const { return transport_ ? transport_->describe() : std::string{}; }

void Link::attempt() {
  retire();
  state_ = State::connecting;
  transport_ = make_();
  live_ = transport_->live();
  confirmed_ = false;
  transport_->open(*this);
}

void Link::on_open() {
  state_ = State::open;
  ++opened_;
  last_bytes_ns_ = context_.loop.clock().steady_ns();
  if (capture_) capture_->opened(describe());
  if (opened_ == 1 && failures_ == 0) context_.log.info("tra-open", "{}: open", describe());
  if (failures_ > 0)
    settle_timer_ = context_.loop.after(kSettled, [this] {
      settle_timer_ = 0;
      log_recovery();
    });
  if (paused_) transport_->pause(true);
  if (live_ && options_.silence > 0ns) watch_silence(options_.silence);
  callbacks_.on_open();
}

void Link::on_bytes(Bytes bytes, const Meta& meta) {
  bytes_ += bytes.size();
  last_bytes_ns_ = context_.loop.clock().steady_ns();
  if (capture_) capture_->bytes(bytes, meta);
  if (failures_ > 0) log_recovery();
  callbacks_.on_bytes(bytes, meta);
}

void Link::on_peer(std::string_view peer, bool joined) {
  if (callbacks_.on_peer) callbacks_.on_peer(peer, joined);
}

void Link::on_closed(const Reason& reason, bool final) { down(reason, final); }

void Link::down(const Reason& reason, bool final) {
  cancel_timers();
  if (capture_ && state_ == State::open) capture_->closed(reason.code);
  reason_ = reason;
  state_ = final ? State::finished : State::waiting;
  const auto delay = final ? 0ns : backoff_.next();
  log_down(delay, final);
  if (!final)
    timer_ = context_.loop.after(delay, [this] {
      timer_ = 0;
      attempt();
    });
  callbacks_.on_closed(reason, final);
}

/// The transport may be calling us: it is closed now and destroyed by the loop.
void Link::retire() {
  if (!transport_) return;
  transport_->close();
  context_.loop.post([gone = std::shared_ptr<Transport>(std::move(transport_))] {});
}

void Link::pause(bool paused) {
  paused_ = paused;
  last_bytes_ns_ = context_.loop.clock().steady_ns();
  if (transport_ && state_ == State::open) transport_->pause(paused);
}

void Link::watch_silence(std::chrono::nanoseconds wait) {
  silence_timer_ = context_.loop.after(wait, [this] {
    silence_timer_ = 0;
    if (paused_) {
      watch_silence(options_.silence);
      return;
    }
    const std::chrono::nanoseconds quiet{context_.loop.clock().steady_ns() - last_bytes_ns_};
    if (quiet < options_.silence) {
      watch_silence(options_.silence - quiet);
      return;
    }
    transport_->close();
    down({"silent", fmt::format("{}: expected bytes, got none for {}\n  hint  is the device switched on, and its port "
                                "enabled?",
                                describe(), duration_text(quiet.count()))},
         false);
  });
}

void Link::cancel_timers() {
  for (auto* timer : {&timer_, &silence_timer_, &settle_timer_})
    if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
}

void Link::log_down(std::chrono::nanoseconds delay, bool final) {
  if (final) {
    if (reason_.code == "ended") {
      context_.log.debug("tra-ended", "{}", reason_.message);
    } else {
      context_.log.error("tra-" + reason_.code, "{}", reason_.message);
    }
    return;
  }
  const std::int64_t now = context_.loop.clock().steady_ns();
  if (++failures_ == 1) {
    outage_ns_ = logged_ns_ = now;
    context_.log.warn("tra-" + reason_.code, "{}\n  next  try in {}", reason_.message, duration_text(delay.count()));
  } else if (now - logged_ns_ >= kSummaryEvery.count()) {
    logged_ns_ = now;
    context_.log.warn("tra-still-down", "down for {}, {} failures; the latest: {}", duration_text(now - outage_ns_),
                      failures_, reason_.message);
  }
}

void Link::log_recovery() {
  if (settle_timer_ != 0) context_.loop.cancel(std::exchange(settle_timer_, 0));
  const std::int64_t now = context_.loop.clock().steady_ns();
  const std::uint64_t failures = std::exchange(failures_, 0);
  context_.log.info("tra-recovered", "{}: back after {} and {} failure{}", describe(), duration_text(now - outage_ns_),
                    failures, failures == 1 ? "" : "s");
}

}  // namespace mesura::transport
