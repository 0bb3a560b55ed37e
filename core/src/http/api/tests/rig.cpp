// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "rig.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

namespace mesura::test {

namespace {

/// Raw rows only: rollups never cover anything.
class FakeArchive final : public store::Archive {
 public:
  explicit FakeArchive(std::shared_ptr<FakeDatabase> database) : db_(std::move(database)) {}

  const std::vector<store::StoredSeries>& series() override {
    check();
    return db_->series;
  }
  const model::Zone& site_zone() override { return zone_; }

  void raw(std::span<const std::uint32_t> series, store::TimeRange range, const RawVisitor& visit) override {
    check();
    std::set<std::int64_t> times;
    for (const auto id : series)
      for (const auto& s : db_->samples[id])
        if (range.contains(s.time_ns)) times.insert(s.time_ns);
    std::vector<double> row(series.size());
    for (const auto time : times) {
      for (std::size_t i = 0; i < series.size(); ++i) {
        row[i] = std::numeric_limits<double>::quiet_NaN();
        for (const auto& s : db_->samples[series[i]])
          if (s.time_ns == time) row[i] = s.value;
      }
      if (!visit({time, row})) return;
    }
  }
  void rollups(store::Resolution, std::span<const std::uint32_t>, store::TimeRange, const RollupVisitor&) override {}
  bool covers(store::Resolution resolution, std::span<const std::uint32_t>, store::TimeRange) override {
    return resolution == store::Resolution::raw;
  }
  void states(std::uint32_t series, store::TimeRange range, const StateVisitor& visit) override {
    const auto& all = db_->states[series];
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool holds = all[i].time_ns < range.from_ns && (i + 1 == all.size() || all[i + 1].time_ns > range.from_ns);
      if ((holds || range.contains(all[i].time_ns)) && !visit(all[i])) return;
    }
  }
  std::optional<store::Sample> at_or_before(std::uint32_t series, std::int64_t time_ns) override {
    std::optional<store::Sample> found;
    for (const auto& s : db_->samples[series])
      if (s.time_ns <= time_ns) found = s;
    return found;
  }
  std::optional<store::Sample> at_or_after(std::uint32_t series, std::int64_t time_ns) override {
    for (const auto& s : db_->samples[series])
      if (s.time_ns >= time_ns) return s;
    return std::nullopt;
  }
  std::vector<store::LatestValue> latest(std::span<const std::uint32_t>) override { return {}; }
  void quarters(const std::string&, store::TimeRange,
                const std::function<bool(const store::StoredQuarter&)>&) override {}
  std::string describe() const override { return "fake"; }

 private:
  void check() const {
    if (db_->away)
      throw store::StoreError(
          store::StoreError::Cause::unavailable,
          "sto-open: the database is away\n  expected  a server\n  got       none\n  hint      start it");
  }

  std::shared_ptr<FakeDatabase> db_;
  model::Zone zone_ = *model::Zone::find("Europe/Brussels");
};

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::uint32_t FakeDatabase::add(const SeriesInfo& info, bool state) {
  store::StoredSeries stored{info, state};
  stored.info.id = static_cast<std::uint32_t>(series.size());
  series.push_back(stored);
  return stored.info.id;
}

SeriesInfo info_of(const std::string& device, const std::string& channel, const std::string& quantity,
                   const std::string& unit, Kind kind) {
  SeriesInfo info;
  info.device = device;
  info.channel = channel;
  info.quantity = quantity;
  info.unit = unit;
  info.flat_name = channel + "_" + quantity + (unit == "1" ? "" : unit == "W" ? "_w" : unit == "Wh" ? "_wh" : "_x");
  info.kind = kind;
  return info;
}

Rig::Rig() {
  auto p = info_of("grid", "total", "active_power", "W");
  p.label = "House";
  p.role = "grid";
  auto e = info_of("grid", "total", "active_energy_import", "Wh", Kind::reg);
  auto t = info_of("grid", "meter", "message", "1", Kind::state);
  t.text = true;
  power = table.add(p);
  energy = table.add(e);
  text = table.add(t);
  database->add(p);
  database->add(e);
  database->add(t, true);
  snapshot->version = "1.2.3";
  snapshot->configuration_file = "/etc/mesura.yaml";
  snapshot->started_ns = kNoon;
  snapshot->taken_ns = clock.wall_ns();
  snapshot->zone = "Europe/Brussels";
  snapshot->sources = {"grid"};
  snapshot->configuration = std::make_shared<const std::string>("timezone: Europe/Brussels\n");
  snapshot->store_sink = "local";
  snapshot->stores = std::make_shared<store::StorePool>(
      [db = database] {
        ++db->opened;
        return std::make_unique<FakeArchive>(db);
      },
      2);
  collector::DeviceStatus device;
  device.name = "grid";
  device.plugin = "dsmr_p1";
  device.health.state = session::State::live;
  device.health.last_frame_ns = clock.wall_ns() - kSecond;
  device.health.frames = 42;
  device.health.attributes["serial"] = "4711";
  snapshot->devices.push_back(device);
  collector::SinkStatus sink;
  sink.name = "local";
  sink.where = "sqlite mesura.db";
  sink.queue.state = pipeline::SinkQueue::State::ready;
  snapshot->sinks.push_back(sink);
  parts.live = &live;
  parts.clock = &clock;
  parts.boot = 0xabc;
  parts.snapshot = [this](bool fresh) -> http::api::SnapshotPtr {
    if (fresh && !collector_answers) return nullptr;
    return snapshot;
  };
  router_ = std::make_unique<http::Router>(http::api::routes(parts, demand));
}

http::Response Rig::get(const std::string& target, const http::Fields& headers) {
  http::Request request;
  request.method = "GET";
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.headers = headers;
  request.principal = principal;
  for (std::size_t at = mark; at != std::string::npos && at < target.size();) {
    const auto end = target.find('&', at + 1);
    const std::string pair = target.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    const auto equals = pair.find('=');
    request.query.emplace_back(decoded(pair.substr(0, equals)),
                               equals == std::string::npos ? "" : decoded(pair.substr(equals + 1)));
    at = end;
  }
  auto match = router_->find("GET", request.path);
  if (match.route == nullptr) throw std::runtime_error("no route for " + target);
  request.captures = std::move(match.captures);
  return match.route->handler(request);
}

nlohmann::json Rig::json(const std::string& target, int status) {
  const auto response = get(target);
  if (response.status != status)
    throw std::runtime_error(target + ": " + std::to_string(response.status) + " " + response.body);
  return nlohmann::json::parse(response.body);
}

std::string Rig::body(const std::string& target) {
  auto response = get(target);
  std::string all = response.body;
  if (response.stream)
    while (response.stream(all)) {
    }
  return all;
}

void Rig::measure(std::uint32_t series, std::int64_t time_ns, double value) {
  auto batch = std::make_shared<Batch>();
  batch->device = table.at(series).device;
  batch->time_ns = time_ns;
  batch->received_ns = time_ns + 250'000'000;
  batch->items.push_back({time_ns, value, series, 0, 0, MESURA_NUMBER, MESURA_GOOD});
  live.take(batch);
  demand->take(*batch);
}

void Rig::say(std::uint32_t series, std::int64_t time_ns, const std::string& words) {
  auto batch = std::make_shared<Batch>();
  batch->device = table.at(series).device;
  batch->time_ns = time_ns;
  batch->received_ns = time_ns;
  batch->texts = words;
  batch->items.push_back({time_ns, 0, series, 0, static_cast<std::uint16_t>(words.size()), MESURA_TEXT, MESURA_GOOD});
  live.take(batch);
}

}  // namespace mesura::test
