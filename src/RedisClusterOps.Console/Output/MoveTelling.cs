using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading.Tasks;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Tells what becomes of many slots that move whole: of all that is well a line for each pair of masters, of what is not each slot.</summary>
internal sealed class MoveTelling(Screen screen, OperationLog log, bool json, ParseResult parsed)
{
    private readonly Dictionary<(string? Source, string? Target, MigrationOutcome Outcome), (int Slots, long Keys)> _well = [];

    /// <param name="fail">Takes what went wrong.</param>
    /// <param name="stopped">Told where it was stopped.</param>
    public async Task TellAsync(SlotMoveRun run, Action<RedisOperationException> fail, Action stopped)
    {
        var wasStopped = false;
        var progress = new MoveProgress(screen, log);
        while (await progress.FollowAsync("slots", run.NextAsync()) is { } outcomes)
        {
            foreach (var (result, failure) in outcomes.Select(outcome => (outcome.Result, outcome.Failure)))
            {
                if (json)
                    screen.Json(result);
                if (failure is null)
                    Add(result);
                else if (!json)
                    ResultLine.Write(screen, result, failure);
                // What a stop has left is the same for all.
                if (failure is not null && !(wasStopped && failure.Code == FailureCode.Stopped))
                    fail(failure);
                wasStopped |= failure is { Code: FailureCode.Stopped };
            }
        }

        if (!json)
            WriteSums();
        if (wasStopped)
            stopped();
        if (run.MigrationId is { } id)
            screen.Note("to take it back: " + NextCommand.Of("Undo-RedisSlotMigration -MigrationId " + id, parsed));
    }

    private void Add(RedisSlotMigrationResult result)
    {
        var key = (result.Source, result.Target, result.Outcome);
        var (slots, keys) = _well.GetValueOrDefault(key);
        _well[key] = (slots + 1, keys + result.KeysMoved);
    }

    private void WriteSums()
    {
        foreach (var ((source, target, outcome), (slots, keys)) in _well)
            screen.Out.WriteLine(outcome + "  " + Quantity.Count(slots) + (slots == 1 ? " slot, " : " slots, ") + Quantity.Keys(keys) + "  " + source + " -> " + target);
    }
}
