// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What becomes of handlers' answers: compression, tags, long bodies, events.
#include "http/compression.hpp"
#include "rig.hpp"
#include "support/catch.hpp"

#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::Request;
using http::Route;
using std::chrono::milliseconds;

std::string unpack(const std::string& packed) {
  z_stream z{};
  REQUIRE(::inflateInit2(&z, 15 + 16) == Z_OK);
  std::string in = packed, out(20'000'000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  ::inflateEnd(&z);
  REQUIRE(result == Z_STREAM_END);
  return out;
}

std::string numbered_lines(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += std::to_string(i) + ",230.1,1843.27\n";
  return out;
}

/// `count` lines, a hundred at a time; `fails` after half of them.
http::Response lines_in_pieces(int count, bool fails = false) {
  http::Response response;
  response.content_type = "text/csv";
  response.stream = [count, fails, at = 0](std::string& out) mutable {
    for (int i = 0; i < 100 && at < count; ++i, ++at) out += std::to_string(at) + ",230.1,1843.27\n";
    if (fails && at > count / 2) throw std::runtime_error("the table is gone");
    return at < count;
  };
  return response;
}

}  // namespace

TEST_CASE("texts of more than 1 KiB are compressed for who takes gzip") {
  const auto big = numbered_lines(20'000);
  Rig rig{{route("GET", "/big", [&](const Request&) { return text_response(big); }),
           route("GET", "/small", [](const Request&) { return text_response("small"); }),
           route("GET", "/image", [&](const Request&) {
             auto response = text_response(big);
             response.content_type = "image/png";
             return response;
           })}};
  auto client = rig.connect();
  const auto plain = client.get("/big");
  CHECK(plain.body == big);
  CHECK(plain.header("Content-Encoding").empty());
  CHECK(plain.header("Vary") == "Accept-Encoding");
  const auto packed = client.get("/big", "Accept-Encoding: br, gzip;q=0.5\r\n");
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(packed.body.size() < big.size() / 3);
  CHECK(unpack(packed.body) == big);
  CHECK(packed.header("ETag") != plain.header("ETag"));
  CHECK(client.get("/big", "Accept-Encoding: gzip;q=0\r\n").body == big);
  CHECK(client.get("/small", "Accept-Encoding: gzip\r\n").body == "small");
  CHECK(client.get("/image", "Accept-Encoding: gzip\r\n").body == big);
}

TEST_CASE("an unchanged body is answered by 304") {
  std::string body = "one";
  Rig rig{{route("GET", "/state", [&](const Request&) { return text_response(body); })}};
  auto client = rig.connect();
  const auto tag = client.get("/state").header("ETag");
  CHECK(tag.size() == 34);
  for (const auto& list : {tag, "\"other\", " + tag, "W/" + tag, std::string{"*"}}) {
    const auto reply = client.get("/state", "If-None-Match: " + list + "\r\n");
    CHECK(reply.status == 304);
    CHECK(reply.header("ETag") == tag);
    CHECK(reply.header("Content-Length").empty());
  }
  body = "two";
  const auto changed = client.get("/state", "If-None-Match: " + tag + "\r\n");
  CHECK(changed.status == 200);
  CHECK(changed.body == "two");
}

TEST_CASE("content hashes differ for contents that differ little") {
  std::vector<std::string> hashes;
  for (const auto& text :
       {std::string{}, std::string{"\0", 1}, std::string{"\0\0", 2}, std::string{"a"}, std::string(16, 'a'),
        std::string(17, 'a'), std::string(15, 'a') + "b", "b" + std::string(15, 'a')})
    hashes.push_back(http::content_hash(text));
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

TEST_CASE("a long answer arrives whole, chunked or compressed, or until the connection ends") {
  const auto expected = numbered_lines(50'000);
  Rig rig{{route(
      "GET", "/lines", [](const Request&) { return lines_in_pieces(50'000); }, Route::Run::worker)}};
  auto client = rig.connect();
  const auto plain = client.get("/lines");
  CHECK(plain.header("Transfer-Encoding") == "chunked");
  CHECK(plain.body == expected);
  const auto packed = client.get("/lines", "Accept-Encoding: gzip\r\n");
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(packed.body.size() < expected.size() / 3);
  CHECK(unpack(packed.body) == expected);
  client.send("HEAD /lines HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_reply(true).header("Transfer-Encoding") == "chunked");
  client.send("GET /lines HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto old = client.read_reply();
  CHECK(old.header("Connection") == "close");
  CHECK(old.body == expected);
  CHECK(eventually([&] { return rig.server.counters().streams == 0; }));
}

TEST_CASE("a long answer that breaks off is seen to be broken") {
  Rig rig{{route(
      "GET", "/lines", [](const Request&) { return lines_in_pieces(50'000, true); }, Route::Run::worker)}};
  auto client = rig.connect();
  client.send("GET /lines HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto all = client.receive_all();
  CHECK(all.find("\r\n0\r\n\r\n") == std::string::npos);
  CHECK(rig.log.wait_for("its answer broke off: the table is gone"));
}

TEST_CASE("long answers beyond their number are put off, and the last place is for somebody else") {
  http::ServerOptions options;
  options.streams = 2;
  Rig rig{{route(
              "GET", "/endless",
              [](const Request&) {
                http::Response response;
                response.stream = [](std::string& out) {
                  out += "x";
                  return true;
                };
                return response;
              },
              Route::Run::worker)},
          options};
  auto first = rig.connect(), second = rig.connect(), third = rig.connect();
  for (auto* client : {&first, &second}) client->send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return rig.server.counters().streams == 2; }));
  const auto refused = third.get("/endless");
  CHECK(refused.status == 503);
  CHECK(!refused.header("Retry-After").empty());
}

TEST_CASE("events come as they happen, each stream from where it stands") {
  std::atomic<int> newest{1};
  http::ServerOptions options;
  options.event_keep_alive = milliseconds{50};
  Rig rig{{route("GET", "/live",
                 [&](const Request& request) {
                   http::Response response;
                   response.content_type = "text/event-stream";
                   response.interval = milliseconds{10};
                   int at = std::atoi(std::string{request.header("Last-Event-ID").value_or("0")}.c_str());
                   response.events = [&, at](std::string& out) mutable {
                     for (const int now = newest; at < now;) out += "id: " + std::to_string(++at) + "\ndata: x\n\n";
                   };
                   return response;
                 })},
          options};
  auto client = rig.connect();
  client.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string seen;
  const auto read_until = [&](const std::string& part) {
    while (seen.find(part) == std::string::npos) {
      const auto more = client.receive();
      REQUIRE(!more.empty());
      seen += more;
    }
  };
  read_until("id: 1\n");
  CHECK_THAT(seen, contains("Content-Type: text/event-stream; charset=utf-8"));
  CHECK_THAT(seen, contains("retry: 2000\n\n"));
  newest = 3;
  read_until("id: 2\ndata: x\n\nid: 3\n");
  read_until("\n:\n\n");  // nothing happens: the connection is kept alive all the same
  CHECK(rig.server.counters().event_streams == 1);

  auto resumed = rig.connect();
  resumed.send("GET /live HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 2\r\n\r\n");
  std::string rest;
  while (rest.find("id: 3") == std::string::npos) rest += resumed.receive();
  CHECK(rest.find("id: 2") == std::string::npos);

  { const auto gone = std::move(client); }
  CHECK(eventually([&] { return rig.server.counters().event_streams == 1; }));
  rig.server.stop(std::chrono::seconds{5});
  CHECK_THAT(rest + resumed.receive_all(), contains("\r\n0\r\n\r\n"));
}

TEST_CASE("event streams beyond their number are put off, and who does not read is not asked for") {
  std::atomic<std::size_t> asked{0};
  http::ServerOptions options;
  options.event_streams = 2;
  options.write_time = milliseconds{300};
  Rig rig{{route("GET", "/live",
                 [&](const Request&) {
                   http::Response response;
                   response.content_type = "text/event-stream";
                   response.interval = milliseconds{10};
                   response.events = [&](std::string& out) {
                     ++asked;
                     out += "data: " + std::string(100'000, 'x') + "\n\n";
                   };
                   return response;
                 })},
          options};
  auto first = rig.connect(4096), second = rig.connect(4096), third = rig.connect();
  for (auto* client : {&first, &second}) client->send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return rig.server.counters().event_streams == 2; }));
  CHECK(third.get("/live").status == 503);
  CHECK(eventually([&] { return rig.server.counters().slow_readers == 2; }));
  CHECK(asked < 60);
  CHECK(eventually([&] { return rig.server.counters().event_streams == 0; }));
}
