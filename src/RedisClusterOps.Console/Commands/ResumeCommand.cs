using System.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco resume</c>: Resume-RedisMigration.</summary>
internal static class ResumeCommand
{
    public static Command Create(Screen screen)
    {
        var id = new Option<string?>("--id")
        {
            Description = "The run, or the beginning of its id (default: the newest one on this cluster that can be gone on with).",
            HelpName = "id",
        };
        var command = new OperationCommand(
            screen, "resume", "Go on with a run that was stopped, killed or failed on some of its slots, from what the cluster says now.", movesKeys: true, movesWhole: true, id);
        command.Run(async (work, redis, parsed, options, stop) => await redis.PlanResumeOfMovesAsync(parsed.GetValue(id), options, stop) is { } whole
            ? await work.MovesAsync(whole, options, stop)
            : await work.PlansAsync(await redis.PlanResumeAsync(parsed.GetValue(id), options, stop), "nothing to resume", stop));
        return command;
    }
}
