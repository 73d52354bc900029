using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Planning;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco plan</c>: New-RedisRebalancePlan.</summary>
internal static class PlanCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var rebalance = new RebalanceOptionSet();
        var method = new Option<MoveMethod>("--method")
        {
            Description = "How the slots are going to move: by the servers themselves where they can (Auto), or not at all (Atomic), or key by key.",
            HelpName = string.Join('|', Enum.GetNames<MoveMethod>()),
            CustomParser = ParameterParsers.NameOf<MoveMethod>("--method"),
            DefaultValueFactory = _ => MoveMethod.Auto,
        };
        var outFile = new Option<string?>("--out-file") { Description = "Write the plan to this file, too, as JSON that holds no password.", HelpName = "path" };
        var json = JsonOption.Create();
        var command = new Command("plan", "Work out which slots are to move so that the masters are even. Reads and counts; changes nothing.");
        rebalance.AddTo(command);
        foreach (var option in (Option[])[method, outFile, json])
            command.Add(option);
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var redis = new RedisCluster(session);
            var plan = await redis.PlanRebalanceAsync(rebalance.Read(parsed), new MoveOptions { Method = parsed.GetValue(method) }, stop);
            if (parsed.GetValue(outFile) is { } path)
                PlanFile.Write(Path.GetFullPath(path), plan);
            if (parsed.GetValue(json))
                screen.Json(plan);
            else
                RebalancePlanTable.Write(screen, plan, parsed);
            return ExitStatus.Done;
        }
    }
}
