using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco check</c>: Test-RedisCluster.</summary>
internal static class CheckCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var quiet = new Option<bool>("--quiet") { Description = "Print only true or false." };
        var deep = new Option<bool>("--deep") { Description = "Also look for keys on nodes that do not own their slot." };
        var minimumReplica = new Option<int>("--minimum-replica")
        {
            Description = "Replicas that every master with slots must have.",
            HelpName = "number",
            CustomParser = ParameterParsers.WholeNumber("--minimum-replica", 0, 1000),
            DefaultValueFactory = _ => 0,
        };
        var json = JsonOption.Create();
        var command = new Command("check", "Check the whole cluster. Exit status 0 healthy, 1 findings, 2 no cluster.") { quiet, deep, minimumReplica, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var reader = new RedisCluster(session);
            var options = new HealthOptions { Deep = parsed.GetValue(deep), MinimumReplica = parsed.GetValue(minimumReplica) };
            var health = await reader.TestAsync(options, stop);
            if (parsed.GetValue(quiet))
                screen.Json(health.Healthy);
            else if (parsed.GetValue(json))
                screen.Json(health);
            else
                HealthReport.Write(screen, health, parsed);
            return health.Healthy ? ExitStatus.Done : ExitStatus.Findings;
        }
    }
}
