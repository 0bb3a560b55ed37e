// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/tests/compat_fixture.hpp"

#include "config/reader.hpp"

#include "support/catch.hpp"

#include <cstdio>
#include <sstream>
#include <utility>

namespace mesura::http::test {
namespace {

const plugin::LoadedPlugin& load(const std::string& name) {
  static const plugin::PluginSet plugins = [] {
    const std::vector<plugin::SearchDirectory> directories{{MESURA_PLUGINS, "test", true}};
    return plugin::PluginSet::scan(directories);
  }();
  const auto* found = plugins.find(name);
  if (found == nullptr) throw std::runtime_error("no plugin " + name + " in " MESURA_PLUGINS);
  return *found;
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream in{path.substr(1)};
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  return parts;
}

/// The captures if the pattern takes the path.
std::optional<std::vector<std::string>> match(const std::string& pattern, const std::string& path) {
  const auto want = split(pattern), have = split(path);
  std::vector<std::string> captures;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i].ends_with("*}")) {
      std::string rest;
      for (std::size_t j = i; j < have.size(); ++j) rest += (j > i ? "/" : "") + have[j];
      captures.push_back(rest);
      return captures;
    }
    if (i >= have.size()) return std::nullopt;
    if (want[i].starts_with("{"))
      captures.push_back(have[i]);
    else if (want[i] != have[i])
      return std::nullopt;
  }
  if (have.size() != want.size()) return std::nullopt;
  return captures;
}

}  // namespace

std::int64_t utc(const std::string& text) {
  model::LocalTime t;
  REQUIRE(std::sscanf(text.c_str(), "%d-%d-%d %d:%d:%d", &t.year, &t.month, &t.day, &t.hour, &t.minute, &t.second) ==
          6);
  return *model::Zone::utc().to_utc(t);
}

Response get(const std::vector<Route>& routes, const std::string& target) {
  Request request;
  request.method = "GET";
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) {
    std::istringstream in{target.substr(mark + 1)};
    for (std::string field; std::getline(in, field, '&');) {
      const std::size_t equals = field.find('=');
      request.query.emplace_back(field.substr(0, equals),
                                 equals == std::string::npos ? std::string{} : field.substr(equals + 1));
    }
  }
  for (const Route& route : routes) {
    if (route.method != request.method) continue;
    if (auto captures = match(route.pattern, request.path)) {
      request.captures = std::move(*captures);
      return route.handler(request);
    }
  }
  return compat::text_response(404, "no route");
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

Site::Site(std::string plugin, std::string zone) : plugin_(std::move(plugin)), zone_(std::move(zone)) { start(); }
Site::~Site() = default;

void Site::start() {
  // In the order in which they know of one another.
  offline_.reset();
  sink_.reset();
  stores_.reset();
  live_.reset();
  series_ = std::make_unique<SeriesTable>();
  live_ = std::make_unique<Live>(*series_);
  const auto path = file();
  sink_ = std::make_unique<sinks::sqlite::SqliteSink>(sinks::sqlite::Options{path, false, keep_raw_, zone_}, *series_,
                                                      runtime::Logger{});
  sink_->open();
  stores_ = std::make_shared<store::StorePool>(
      [path, zone = zone_] {
        const config::Value options{config::Value::Map{{"path", config::Value{path.string()}}}};
        return store::open_archive("sqlite", options, zone);
      },
      std::size_t{2});
  const plugin::LoadedPlugin& loaded = load(plugin_);
  config::ReadOptions read;
  read.file = "test";
  auto options = config::read_pairs({}, config::object(loaded.schema.options), read);
  REQUIRE(options.ok());
  const auto take = [this](const Batch& batch) {
    const auto shared = std::make_shared<const Batch>(batch);
    live_->take(shared);
    if (!store || !stored(batch)) return;
    const std::vector<BatchPtr> batches{shared};
    const WriteResult result = sink_->write(batches);
    REQUIRE(result.outcome == WriteResult::Outcome::committed);
  };
  const auto attribute = [this](std::string_view key, std::string_view value) {
    series_->set_attribute("meter", key, value);
  };
  offline_ = std::make_unique<session::Offline>(
      loaded, *series_, session::SeriesBinder::ChannelRules{},
      session::SessionSetup{"meter", nullptr, options.value, zone_, false, 0},
      session::Offline::Consumer{take, [](const Fault&) {}, attribute, [](mesura_log_level, std::string_view) {}},
      clock_.wall_ns());
}

void Site::feed(std::string_view bytes, std::int64_t received_ns) {
  clock_.set_wall(received_ns);
  offline_->feed(Bytes{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                 Meta{received_ns, 0, {}, {}, 0});
}

void Site::write(const std::vector<BatchPtr>& batches) {
  REQUIRE(sink_->write(batches).outcome == WriteResult::Outcome::committed);
}

void Site::restart() { start(); }

void Site::stop() {
  sink_->close();
  sink_.reset();
}

void Site::keep_raw(std::chrono::nanoseconds age) {
  keep_raw_ = age;
  sink_->close();
  sink_ = std::make_unique<sinks::sqlite::SqliteSink>(sinks::sqlite::Options{file(), false, keep_raw_, zone_}, *series_,
                                                      runtime::Logger{});
  sink_->open();
}

void Site::maintain(std::int64_t now_ns) { sink_->maintain(now_ns); }

compat::Context Site::context() {
  return {.device = "meter",
          .live = *live_,
          .stores = [this] { return stores_; },
          .zone = *model::Zone::find(zone_),
          .clock = clock_};
}

}  // namespace mesura::http::test
