// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/twin.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mesura::session {

using std::chrono::nanoseconds;

Twin::Twin(runtime::EventLoop& loop, runtime::Logger log, SeriesTable& series, Setup setup)
    : loop_(loop),
      log_(std::move(log)),
      setup_(std::move(setup)),
      binder_(series, setup_.plugin->schema, {}),
      steady_start_ns_(loop.clock().steady_ns()),
      virtual_ns_(setup_.start_ns),
      call_ns_(setup_.start_ns) {
  setup_.session.schema = &setup_.plugin->virtual_schema->options;
  session_ = std::make_unique<PluginSession>(*setup_.plugin->descriptor->virtual_device, binder_,
                                             static_cast<Environment&>(*this), setup_.session, virtual_ns_);
  if (setup_.serve)
    serve();
  else
    wake_ = loop_.after(nanoseconds{0}, [this] { start(); });
}

Twin::~Twin() {
  loop_.cancel(wake_);
  loop_.cancel(reopen_);
  if (transport_) transport_->close();
}

void Twin::serve() {
  transport_ = setup_.serve();
  transport_->open(*this);
}

std::int64_t Twin::now() const {
  if (setup_.speed <= 0) return virtual_ns_;
  const auto elapsed = static_cast<double>(loop_.clock().steady_ns() - steady_start_ns_) * setup_.speed;
  return std::max(virtual_ns_, setup_.start_ns + static_cast<std::int64_t>(elapsed));
}

void Twin::start() {
  wake_ = 0;
  if (std::exchange(started_, true)) return;
  call_ns_ = now();
  check(session_->on_open(0, call_ns_));
  schedule();
}

void Twin::on_open() {
  if (setup_.opened) setup_.opened(transport_->describe());
  start();
}

void Twin::on_bytes(transport::Bytes bytes, const transport::Meta& meta) {
  call_ns_ = now();
  check(session_->on_bytes(0, bytes, Meta{call_ns_, meta.offset, meta.peer, meta.topic, meta.status}));
  schedule();
}

void Twin::on_closed(const transport::Reason& reason, bool) {
  log_.error(reason.code, "{}", reason.message);
  failed_ = true;
  finish();
}

void Twin::check(bool ok) {
  if (ok) return;
  log_.error("sim-failed", "virtual device '{}': {}", setup_.session.device, session_->error());
  failed_ = true;
  finish();
}

void Twin::finish() {
  if (std::exchange(finished_, true)) return;
  timers_.clear();
  // Later: we may stand inside a call to the session, and the owner may destroy us.
  loop_.cancel(wake_);
  wake_ = loop_.after(nanoseconds{0}, [this] {
    wake_ = 0;
    if (setup_.finished) setup_.finished();
  });
}

void Twin::schedule() {
  if (finished_ || timers_.empty()) return;
  loop_.cancel(wake_);
  const auto due = std::min_element(timers_.begin(), timers_.end(),
                                    [](const auto& a, const auto& b) { return a.second < b.second; });
  std::int64_t delay = 0;
  if (setup_.speed > 0) delay = static_cast<std::int64_t>(static_cast<double>(due->second - now()) / setup_.speed);
  wake_ = loop_.after(nanoseconds{std::max<std::int64_t>(0, delay)}, [this] {
    wake_ = 0;
    fire_due();
  });
}

void Twin::fire_due() {
  const auto limit = setup_.speed > 0 ? now() : INT64_MAX;
  // As fast as possible still leaves the loop its turn: signals, clients, other twins.
  constexpr int kBurst = 64;
  for (int i = 0; i < kBurst && !finished_; ++i) {
    const auto due = std::min_element(timers_.begin(), timers_.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
    if (due == timers_.end() || due->second > limit) break;
    const auto [timer, time] = *due;
    timers_.erase(due);
    virtual_ns_ = std::max(virtual_ns_, time);
    call_ns_ = time;
    // The session sees the time that it asked for, not the loop's lateness: equal seeds give equal bytes.
    check(session_->on_timer(timer, time));
  }
  schedule();
}

void Twin::arm(TimerId timer, std::int64_t delay_ns) {
  if (delay_ns < 0)
    timers_.erase(timer);
  else
    timers_[timer] = call_ns_ + delay_ns;
}

bool Twin::send(LinkId, Bytes bytes, std::string_view to) {
  if (transport_) return transport_->send(bytes, to);
  return setup_.write && setup_.write(bytes);
}

void Twin::close(LinkId) { finish(); }

void Twin::reopen(LinkId, std::string_view reason) {
  if (!transport_ || finished_) return;
  log_.debug("sim-reopen", "link dropped: {}", reason);
  loop_.cancel(reopen_);
  reopen_ = loop_.after(nanoseconds{0}, [this] {
    reopen_ = 0;
    transport_->close();
    serve();
  });
}

void Twin::emit(std::shared_ptr<Batch> batch) {
  if (setup_.truth) setup_.truth(*batch);
}

void Twin::fault(const Fault& fault) { log_.warn("sim-fault", "{}: {}", fault.code, fault.message); }

void Twin::log(mesura_log_level level, std::string_view message) {
  if (level <= MESURA_LOG_WARN)
    log_.warn("sim-said", "{}", message);
  else
    log_.debug("sim-said", "{}", message);
}

void Twin::failed(std::string_view code, std::string_view message) {
  log_.error(code, "{}", message);
  failed_ = true;
  finish();
}

}  // namespace mesura::session
