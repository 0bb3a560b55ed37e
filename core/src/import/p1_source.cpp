// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/p1_source.hpp"

#include "import/importer.hpp"
#include "import/problems.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/URI.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <istream>
#include <system_error>
#include <vector>

namespace mesura::importing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 1024 * 1024;  // bytes of a file or an answer; a quarter has 2 to 3 kB
constexpr int kTries = 3;

struct Day {
  int year = 0, month = 0, day = 0;
};

void sort_by_time(std::vector<QuarterName>& names) {
  std::sort(names.begin(), names.end(),
            [](const QuarterName& a, const QuarterName& b) { return a.start_ns() < b.start_ns(); });
}

class DirectorySource final : public QuarterSource {
 public:
  DirectorySource(const fs::path& place, Problems& problems) : problems_(problems), root_(place) {
    std::error_code error;
    if (!fs::is_directory(root_, error))
      throw ImportError(
          fmt::format("p1-place: {} is no directory\n  expected  one that holds YYYY/MM/DD/HHMM{{S|W}}.json, or "
                      "http://HOST of the board",
                      place.string()));
    if (fs::is_directory(root_ / "meter", error)) root_ /= "meter";
    for (const auto& year : numbers(root_, 4))
      for (const auto& month : numbers(root_ / year, 2))
        for (const auto& day : numbers(root_ / year / month, 2)) list_.push_back(fs::path{year} / month / day);
    if (list_.empty())
      throw ImportError(
          fmt::format("p1-place: {} holds no quarters\n  expected  directories YYYY/MM/DD in it", root_.string()));
  }
  std::optional<QuarterName> next() override {
    while (ready_.empty()) {
      if (at_ == list_.size()) return std::nullopt;
      read_day(list_[at_++]);
    }
    const QuarterName name = ready_.front();
    ready_.pop_front();
    return name;
  }
  std::optional<std::string> read(const QuarterName& name) override {
    const fs::path file = root_ / name.path();
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error || size > kLargest) {
      problems_.lost("p1-file", name.path(),
                     error ? error.message() : fmt::format("expected some kB, got {} bytes", size));
      return std::nullopt;
    }
    std::ifstream in{file, std::ios::binary};
    std::string text(size, '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(size))) {
      problems_.lost("p1-file", name.path(), "it can't be read");
      return std::nullopt;
    }
    return text;
  }
  [[nodiscard]] std::uint64_t days_done() const override { return at_; }
  [[nodiscard]] std::uint64_t days() const override { return list_.size(); }
  [[nodiscard]] std::string name() const override { return root_.string(); }

 private:
  static std::vector<std::string> numbers(const fs::path& directory, std::size_t width) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{directory, error}) {
      std::string name = entry.path().filename().string();
      std::error_code ignored;
      if (name.size() == width && name.find_first_not_of("0123456789") == std::string::npos &&
          entry.is_directory(ignored))
        names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void read_day(const fs::path& day) {
    std::vector<QuarterName> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{root_ / day, error}) {
      const std::string file = entry.path().filename().string();
      const auto part = [&](int n) { return std::next(day.begin(), n)->string(); };
      if (const auto name = quarter_of_path(part(0), part(1), part(2), file)) {
        names.push_back(*name);
      } else if (file.ends_with(".json")) {
        problems_.lost("p1-name", (day / file).string(), "expected HHMMS.json or HHMMW.json of a quarter hour");
      }
    }
    if (error) problems_.lost("p1-file", day.string(), error.message());
    sort_by_time(names);
    ready_.assign(names.begin(), names.end());
  }

  Problems& problems_;
  fs::path root_;
  std::vector<fs::path> list_;
  std::size_t at_ = 0;
  std::deque<QuarterName> ready_;
};

class BoardSource final : public QuarterSource {
 public:
  BoardSource(const std::string& url, Problems& problems) : problems_(problems) {
    Poco::URI uri;
    try {
      uri = url;
    } catch (const Poco::Exception&) {
      uri.clear();
    }
    if (uri.getScheme() != "http" || uri.getHost().empty())
      throw ImportError(
          fmt::format("p1-place: '{}' is no address of a board\n  expected  http://HOST or http://HOST:PORT", url));
    name_ = fmt::format("http://{}:{}", uri.getHost(), uri.getPort());
    session_.setHost(uri.getHost());
    session_.setPort(uri.getPort());
    session_.setTimeout(Poco::Timespan{20, 0});
    session_.setKeepAlive(true);
    for (const std::int64_t year : numbers("/historic/years", "years"))
      for (const std::int64_t month : numbers(fmt::format("/historic/months?year={}", year), "months"))
        for (const std::int64_t day : numbers(fmt::format("/historic/days?year={}&month={}", year, month), "days"))
          list_.push_back({static_cast<int>(year), static_cast<int>(month), static_cast<int>(day)});
  }
  std::optional<QuarterName> next() override {
    while (ready_.empty()) {
      if (at_ == list_.size()) return std::nullopt;
      const Day& d = list_[at_++];
      std::vector<QuarterName> names;
      for (const std::int64_t id :
           numbers(fmt::format("/historic/quarters?year={}&month={}&day={}", d.year, d.month, d.day), "quarters")) {
        if (const auto name = quarter_of_id(id)) {
          names.push_back(*name);
        } else {
          problems_.lost("p1-name", fmt::format("{:04}/{:02}/{:02}", d.year, d.month, d.day),
                         fmt::format("quarter_id {} is no quarter hour", id));
        }
      }
      sort_by_time(names);
      ready_.assign(names.begin(), names.end());
    }
    const QuarterName name = ready_.front();
    ready_.pop_front();
    return name;
  }
  std::optional<std::string> read(const QuarterName& name) override {
    int status = 0;
    std::string text = get("/meter/" + name.path(), status);
    if (status == Poco::Net::HTTPResponse::HTTP_OK) return text;
    problems_.lost("p1-file", name.path(), fmt::format("the board answers with status {}", status));
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t days_done() const override { return at_; }
  [[nodiscard]] std::uint64_t days() const override { return list_.size(); }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  /// The board is small and its network wireless: a request is tried again before the whole import ends.
  std::string get(const std::string& path, int& status) {
    std::string reason;
    for (int n = 0; n < kTries; ++n) {
      try {
        Poco::Net::HTTPRequest request{Poco::Net::HTTPRequest::HTTP_GET, path, Poco::Net::HTTPMessage::HTTP_1_1};
        session_.sendRequest(request);
        Poco::Net::HTTPResponse response;
        std::istream& in = session_.receiveResponse(response);
        std::string text;
        std::array<char, 4096> buffer{};
        while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
          text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
          if (text.size() > kLargest)
            throw ImportError(fmt::format("p1-http: {}{}: the answer has more than {} bytes: that is no board", name_,
                                          path, kLargest));
        }
        const auto length = response.getContentLength64();
        if (length >= 0 && static_cast<std::size_t>(length) != text.size()) {
          reason = fmt::format("expected {} bytes, got {}", length, text.size());
        } else {
          status = response.getStatus();
          return text;
        }
      } catch (const Poco::Exception& e) {
        reason = e.displayText();
      }
      session_.reset();
    }
    throw ImportError(fmt::format(
        "p1-http: {}{}: {} (tried {} times)\n  hint      start it again: what is there already does not change", name_,
        path, reason, kTries));
  }
  /// An array of whole numbers of an answer, sorted; none when the board does not know of any.
  std::vector<std::int64_t> numbers(const std::string& path, std::string_view key) {
    int status = 0;
    const std::string text = get(path, status);
    simdjson::dom::element root;
    simdjson::dom::object object;
    if (status != Poco::Net::HTTPResponse::HTTP_OK || json_.parse(text).get(root) != simdjson::SUCCESS ||
        root.get(object) != simdjson::SUCCESS)
      throw ImportError(fmt::format(
          "p1-http: {}{}: expected a JSON object, got status {} and {} bytes\n  hint      is that a P1 monitor?", name_,
          path, status, text.size()));
    std::vector<std::int64_t> values;
    simdjson::dom::array array;
    if (object[key].get(array) != simdjson::SUCCESS) return values;
    for (const simdjson::dom::element value : array) {
      std::int64_t number = 0;
      if (value.get(number) == simdjson::SUCCESS) values.push_back(number);
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  Problems& problems_;
  std::string name_;
  Poco::Net::HTTPClientSession session_;
  simdjson::dom::parser json_;
  std::vector<Day> list_;
  std::size_t at_ = 0;
  std::deque<QuarterName> ready_;
};

}  // namespace

std::unique_ptr<QuarterSource> quarter_source(std::string_view place, Problems& problems) {
  if (place.find("://") != std::string_view::npos) return std::make_unique<BoardSource>(std::string{place}, problems);
  return std::make_unique<DirectorySource>(fs::path{place}, problems);
}

}  // namespace mesura::importing
