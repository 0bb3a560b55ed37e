// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>

namespace mesura::dsmr_p1 {
namespace {

using namespace twin;

constexpr LinkId kData = 0;
constexpr TimerId kNextTelegram = 0;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kLastCounter = 0xFFFFFFFF;

/// The first instant of the interval's grid at or after `now_ns`.
UtcSeconds grid_from(std::int64_t now_ns, std::int64_t interval) {
  const std::int64_t step = interval * kNanosecondsPerSecond;
  const std::int64_t floor = floor_to(now_ns, step);
  return (floor == now_ns ? floor : floor + step) / kNanosecondsPerSecond;
}

std::unique_ptr<virtual_house::Profile> profile_of(const VirtualSettings& settings, UtcSeconds start) {
  virtual_house::Setup setup;
  setup.phases = settings.model.phases;
  setup.start = start;
  setup.interval = settings.interval;
  setup.seed = settings.model.seed;
  setup.pv_watts = settings.pv_watts;
  setup.zone = settings.zone;
  return virtual_house::make_profile(settings.profile, setup);
}

std::unique_ptr<MeterModel> model_of(const VirtualSettings& settings, UtcSeconds start, const MeterClock& clock,
                                     const virtual_house::Profile& profile) {
  ModelSetup setup = settings.model;
  setup.start = start;
  if (settings.invent_history) setup.peak_history = invent_peak_history(clock, start, setup.seed);
  return std::make_unique<MeterModel>(std::move(setup), clock, profile);
}

}  // namespace

VirtualMeter::VirtualMeter(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(read_settings(info)),
      clock_(settings_.zone),
      due_(grid_from(info.now_ns, settings_.interval)),
      profile_(profile_of(settings_, due_ + settings_.clock_skew)),
      model_(model_of(settings_, due_ + settings_.clock_skew, clock_, *profile_)),
      line_(settings_.faults, settings_.model.seed),
      last_drop_(due_) {
  if (settings_.cipher) next_counter_ = settings_.cipher->frame_counter;
}

void VirtualMeter::on_open(LinkId link, std::int64_t now_ns) {
  if (link != kData || finished_) return;
  // After a while without link the reader gets the present, not the past; a moment's delay at the start loses nothing.
  const UtcSeconds present = grid_from(now_ns, settings_.interval);
  if (due_ + settings_.interval < present) due_ = present;
  schedule(now_ns);
}

void VirtualMeter::on_close(LinkId link, std::int64_t, std::string_view, bool) {
  if (link == kData) host().disarm(kNextTelegram);
}

void VirtualMeter::on_timer(TimerId timer, std::int64_t now_ns) {
  if (timer != kNextTelegram || finished_) return;
  if (due_ * kNanosecondsPerSecond <= now_ns) {
    send_telegram(now_ns);
    due_ += settings_.interval;
  }
  if (!finished_) schedule(now_ns);
}

void VirtualMeter::schedule(std::int64_t now_ns) {
  host().arm(kNextTelegram, std::chrono::nanoseconds{due_ * kNanosecondsPerSecond - now_ns});
}

void VirtualMeter::send_telegram(std::int64_t now_ns) {
  model_->advance(due_ + settings_.clock_skew);
  if (!model_->powered()) return;
  if (settings_.cipher && next_counter_ > kLastCounter) {
    host().log(MESURA_LOG_WARN, "frame counter used up at FFFFFFFF: the meter sends nothing until its key is changed");
    finish();
    return;
  }
  Telegram telegram = write_telegram(*settings_.dialect, clock_, settings_.identity, model_->reading());
  std::string bytes = seal(std::move(telegram.body), settings_.crc);
  if (settings_.cipher) {
    const CipherSetup& c = *settings_.cipher;
    bytes =
        encrypt(bytes, c.encryption_key, c.authentication_key, c.title, static_cast<std::uint32_t>(next_counter_++));
  }
  const FaultyLine::Result carried = line_.carry(std::move(bytes));
  if (send_pieces(carried.bytes) && !carried.spoilt) emit_truth(telegram.truth, now_ns);
  ++sent_;
  if (settings_.telegrams != 0 && sent_ >= settings_.telegrams) {
    finish();
  } else if (settings_.drop_link != 0 && due_ - last_drop_ >= settings_.drop_link) {
    last_drop_ = due_;
    host().reopen(kData, "drop_link");
  }
}

bool VirtualMeter::send_pieces(std::string_view bytes) {
  const std::size_t piece = settings_.chunk == 0 ? bytes.size() : settings_.chunk;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    if (!host().send(kData, bytes.substr(0, piece))) return false;
  return true;
}

void VirtualMeter::emit_truth(const std::vector<Truth>& truth, std::int64_t now_ns) {
  items_.clear();
  std::vector<Truth> shown;
  for (const Truth& value : truth) {
    const bool own_time = value.time != kNever;
    if (own_time || value.state) {
      shown.push_back(value);
      if (std::find(shown_.begin(), shown_.end(), value) != shown_.end()) continue;
    }
    const SeriesId series = series_of(value);
    if (series == MESURA_NO_SERIES) continue;
    items_.push_back(number(series, value.value, own_time ? value.time * kNanosecondsPerSecond : MESURA_NO_TIME));
  }
  shown_ = std::move(shown);
  // Without a time in the telegram the reader takes its own, which is the true one.
  const UtcSeconds time = settings_.dialect->id == DialectId::nl2 ? due_ : model_->time();
  host().emit(items_, time * kNanosecondsPerSecond, now_ns);
}

SeriesId VirtualMeter::series_of(const Truth& value) {
  const auto [entry, added] = series_.try_emplace({value.channel, value.quantity}, MESURA_NO_SERIES);
  if (added) {
    Series series;
    series.channel = value.channel;
    series.quantity = value.quantity;
    entry->second = host().series(series);
  }
  return entry->second;
}

void VirtualMeter::on_command(const Command& command) {
  if (command.name == "get") {
    host().reply(command.id, MESURA_REPLY_DONE, {}, state());
    return;
  }
  const std::string problem = set_fault(command.arguments.text("name"), command.arguments.text("value"));
  host().reply(command.id, problem.empty() ? MESURA_REPLY_DONE : MESURA_REPLY_REFUSED, problem);
}

std::string VirtualMeter::state() const {
  const Reading r = model_->reading();
  const LineFaults& f = line_.faults();
  return fmt::format(
      R"({{"dialect":"{}","serial":"{}","time":{},"powered":{},"tariff":{},"power_w":{},"import_wh":{},"export_wh":{},)"
      R"("demand_import_w":{},"month_peak_w":{},"failures":{},"telegrams":{},)"
      R"("faults":{{"noise":{},"bitflip":{},"truncate":{},"lf_only":{},"parity":{}}}}})",
      settings_.dialect->name, r.serial, r.time, model_->powered(), r.tariff, r.power_w, r.import_total_wh,
      r.export_total_wh, r.demand.import_w, r.month_peak.watts, r.failures, sent_, f.noise, f.bitflip, f.truncate,
      f.lf_only, f.parity);
}

std::string VirtualMeter::set_fault(std::string_view name, std::string_view value) {
  LineFaults faults = line_.faults();
  if (name == "bitflip" || name == "truncate") {
    double chance = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), chance);
    if (error != std::errc{} || end != value.data() + value.size() || !(chance >= 0 && chance <= 1))
      return fmt::format("{}: expected a chance from 0 to 1, got '{}'", name, value);
    (name == "bitflip" ? faults.bitflip : faults.truncate) = chance;
  } else {
    if (value != "true" && value != "false") return fmt::format("{}: expected true or false, got '{}'", name, value);
    (name == "noise" ? faults.noise : name == "lf_only" ? faults.lf_only : faults.parity) = value == "true";
  }
  line_.change(faults);
  return {};
}

void VirtualMeter::finish() {
  finished_ = true;
  host().disarm(kNextTelegram);
  host().close(kData);
}

}  // namespace mesura::dsmr_p1
