using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Planning;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco rebalance</c>: Invoke-RedisRebalance.</summary>
internal static class RebalanceCommand
{
    private const string Description =
        "Move slots, with all their keys, until the masters have what their weights say; or carry out a plan from a file, "
        + "if the slots have the same owners as then. Clients see every key all the time.";

    public static Command Create(Screen screen)
    {
        var rebalance = new RebalanceOptionSet();
        var file = new Option<string?>("--plan-file") { Description = "A file that rco plan --out-file wrote, instead of weights.", HelpName = "path" };
        var command = new OperationCommand(screen, "rebalance", Description, movesKeys: true, movesWhole: true, file);
        rebalance.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(file) is { Implicit: false } && rebalance.All.Any(option => result.GetResult(option) is { Implicit: false }))
                result.AddError("--plan-file takes no weights and no threshold: the file has them.");
        });
        command.RunMoves((redis, parsed, options, stop) => parsed.GetValue(file) is { } path
            ? Task.FromResult(PlanFile.Read(Path.GetFullPath(path)))
            : redis.PlanRebalanceAsync(rebalance.Read(parsed), options, stop));
        return command;
    }
}
