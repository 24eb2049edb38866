# The same small application in Rails, as it is by default: `ruby_app.rb PREFIX`. Listens on a free port, which it writes to
# its standard output. Every answer names what was served.

require "action_controller/railtie"
require "rack/handler/webrick"

PREFIX = ARGV.fetch(0)
ROUTES = [
  ["get", "/report", "report"],
  ["get", "/report/summary", "summary"],
  ["get", "/admin", "admin"],
  ["get", "/admin/users", "users"],
  ["get", "/orders/:id", "order"],
  ["delete", "/orders/:id", "order removed"],
].freeze

class Application < Rails::Application
  config.eager_load = false
  config.consider_all_requests_local = false
  config.secret_key_base = "x" * 64
  config.hosts.clear
  config.logger = Logger.new(File::NULL)
end

class ServedController < ActionController::API
  def show
    render json: { served: params[:name] }
  end
end

Application.initialize!
Application.routes.draw do
  ROUTES.each { |verb, path, name| public_send(verb, PREFIX + path, to: "served#show", defaults: { name: name }) }
end

server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: 0, AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
server.mount("/", Rack::Handler::WEBrick, Application)
puts server.listeners.first.addr[1]
$stdout.flush
server.start
