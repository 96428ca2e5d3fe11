# ruby run.rb with_ruby_jwt.rb: verifies each line of the input.
require_relative ARGV.shift

$stdin.each_line(chomp: true) do |token|
  puts "accepted #{verify(token)["sub"]}"
rescue JWT::DecodeError => e
  puts "refused #{e.class}: #{e.message.lines.first}"
end
