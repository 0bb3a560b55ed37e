// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "board.hpp"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>

#include <utility>

namespace mesura::test {
namespace {

namespace net = Poco::Net;

class Answer final : public net::HTTPRequestHandler {
 public:
  explicit Answer(const std::map<std::string, std::string>& answers) : answers_(answers) {}
  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
    const auto found = answers_.find(request.getURI());
    if (found == answers_.end()) response.setStatusAndReason(net::HTTPResponse::HTTP_NOT_FOUND);
    const std::string body = found == answers_.end() ? "Item not found" : found->second;
    response.setContentType(found == answers_.end() ? "text/plain" : "application/json");
    response.sendBuffer(body.data(), body.size());
  }

 private:
  const std::map<std::string, std::string>& answers_;
};

class Answers final : public net::HTTPRequestHandlerFactory {
 public:
  explicit Answers(const std::map<std::string, std::string>& answers) : answers_(answers) {}
  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override { return new Answer(answers_); }

 private:
  const std::map<std::string, std::string>& answers_;
};

}  // namespace

struct Board::Server {
  std::map<std::string, std::string> answers;
  net::ServerSocket socket{net::SocketAddress{"127.0.0.1", 0}};
  net::HTTPServer http;
  explicit Server(std::map<std::string, std::string> a)
      : answers(std::move(a)), http(new Answers(answers), socket, new net::HTTPServerParams) {
    http.start();
  }
  ~Server() { http.stopAll(true); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
};

Board::Board(std::map<std::string, std::string> answers) : server_(std::make_unique<Server>(std::move(answers))) {}
Board::~Board() = default;
std::string Board::url() const { return "http://127.0.0.1:" + std::to_string(server_->socket.address().port()); }

}  // namespace mesura::test
