// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http_rig.hpp"

#include "rig.hpp"
#include "support/catch.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

namespace mesura::transport::test {
namespace {

namespace net = Poco::Net;
using Handle = std::function<WebAnswer(const WebRequest&)>;

class Handler final : public net::HTTPRequestHandler {
 public:
  explicit Handler(const Handle& handle) : handle_(handle) {}
  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
    const std::string body{std::istreambuf_iterator<char>{request.stream()}, {}};
    const auto answer = handle_({request.getMethod(), request.getURI(), body, request.getContentType()});
    response.setStatusAndReason(static_cast<net::HTTPResponse::HTTPStatus>(answer.status));
    response.setContentLength64(static_cast<std::int64_t>(answer.body.size()));
    response.send() << answer.body;
  }

 private:
  const Handle& handle_;
};

class Factory final : public net::HTTPRequestHandlerFactory {
 public:
  explicit Factory(Handle handle) : handle_(std::move(handle)) {}
  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override { return new Handler{handle_}; }

 private:
  Handle handle_;
};

}  // namespace

struct WebServer::Impl {
  Impl(Handle handle, const net::ServerSocket& socket)
      : server(new Factory{std::move(handle)}, pool, socket, new net::HTTPServerParams) {}
  Poco::ThreadPool pool;
  net::HTTPServer server;
};

WebServer::WebServer(Handle handle)
    : impl_(std::make_unique<Impl>(std::move(handle), net::ServerSocket{net::SocketAddress{"127.0.0.1", 0}})) {
  impl_->server.start();
}

WebServer::WebServer(Handle handle, const std::string& certificate_file, const std::string& key_file)
    : impl_(std::make_unique<Impl>(
          std::move(handle),
          net::SecureServerSocket{net::SocketAddress{"127.0.0.1", 0}, 16,
                                  new net::Context{net::Context::TLS_SERVER_USE, key_file, certificate_file, "",
                                                   net::Context::VERIFY_NONE}})) {
  impl_->server.start();
}

WebServer::~WebServer() {
  impl_->server.stopAll(true);
  impl_->pool.joinAll();
}
std::uint16_t WebServer::port() const { return impl_->server.port(); }

namespace {

/// A device that answers with what it has to say, and is sent the rest.
class HttpRig final : public Rig {
 public:
  HttpRig() {
    to = "POST /hear";
    can_unplug = false;
    lingers = true;
    stream = false;
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    // One at a time, so that the answers keep their order.
    return test::make("http", {{"host", value("127.0.0.1")}, {"port", value(server_.port())}, {"parallel", value(1)}},
                      context);
  }
  void meet(Fixture&, Transport& transport) override { transport_ = &transport; }
  std::size_t say(std::string_view bytes) override {
    {
      const std::lock_guard lock{mutex_};
      to_say_.emplace_back(bytes);
    }
    return transport_->send({}, "GET /say") ? bytes.size() : 0;
  }
  std::string hear() override {
    const std::lock_guard lock{mutex_};
    return std::exchange(heard_, {});
  }

 private:
  WebAnswer handle(const WebRequest& request) {
    const std::lock_guard lock{mutex_};
    if (request.method == "POST") {
      heard_ += request.body;
      return {204, {}};
    }
    if (to_say_.empty()) return {404, {}};
    WebAnswer answer{200, to_say_.front()};
    to_say_.erase(to_say_.begin());
    return answer;
  }

  std::mutex mutex_;
  std::vector<std::string> to_say_;
  std::string heard_;
  Transport* transport_ = nullptr;
  WebServer server_{[this](const WebRequest& request) { return handle(request); }};
};

}  // namespace

std::unique_ptr<Rig> make_http_rig() { return make_rig<HttpRig>(); }

}  // namespace mesura::transport::test
