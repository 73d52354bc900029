using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary>One run over slots: each is shown, or carried out and told. A slot that fails does not keep the others from being done.</summary>
internal sealed class OperationRun(Screen screen, RedisCluster redis, OperationLog log, RedisClusterSession session, ParseResult parsed)
{
    private int _status = ExitStatus.Done;
    private bool _stopped;
    private bool _wouldWrite;

    /// <summary>Show the plans and write nothing.</summary>
    public bool IsRehearsal { get; init; }

    /// <summary>Objects rather than text.</summary>
    public bool Json { get; init; }

    /// <summary>Slots that were asked for one by one.</summary>
    public async Task<int> SlotsAsync(string operation, IEnumerable<int> slots, Func<int, Task<SlotPlan>> plan, CancellationToken stop)
    {
        var left = new Queue<int>(slots);
        while (!_stopped && left.TryDequeue(out var slot))
            await TakeAsync(operation, slot, () => plan(slot), left, stop);
        return End();
    }

    /// <summary>Slots that were planned together.</summary>
    /// <param name="none">What to say where there is none.</param>
    public async Task<int> PlansAsync(IReadOnlyList<SlotPlan> plans, string none, CancellationToken stop)
    {
        if (plans.Count == 0 && !Json)
            screen.Out.WriteLine(none);
        if (!IsRehearsal)
            redis.Announce(plans);
        var together = IsRehearsal ? [] : plans.Where(RedisCluster.GoesTogether).ToList();
        var left = new Queue<SlotPlan>(plans);
        var done = false;
        while (!_stopped && left.TryDequeue(out var next))
        {
            // They go when the first of them would.
            var joins = together.Count > 1 && RedisCluster.GoesTogether(next);
            if (!joins)
                await TakeAsync(next.Operation, next.Slot, () => Task.FromResult(next), left.Select(plan => plan.Slot), stop);
            else if (!done)
                await FollowAsync(await redis.RunTogetherAsync(together, stop));
            done |= joins;
        }

        return End();
    }

    /// <summary>Many slots that move whole.</summary>
    public async Task<int> MovesAsync(RedisRebalancePlan plan, MoveOptions options, CancellationToken stop)
    {
        var check = plan.Moves.Count == 0 ? plan : await redis.CheckMovesAsync(plan, options, stop);
        if (IsRehearsal || check.Moves.Count == 0)
        {
            _wouldWrite = check.Moves.Count > 0;
            if (Json)
                screen.Json(check);
            else
                RebalancePlanTable.Write(screen, check, parsed);
            return End();
        }

        foreach (var finding in check.Findings.Where(finding => finding.Severity != FindingSeverity.Information))
            screen.Warning(finding.Message);
        foreach (var move in check.Moves)
            screen.Note(move + ", " + (move.Method == "Atomic" ? "by the servers themselves" : "key by key"));
        await FollowAsync(await redis.RunMovesAsync(check, check.Moves, options, stop));
        return End();
    }

    // By now the command line was right and the cluster could be read: what fails is a slot.
    private Task FollowAsync(SlotMoveRun run) =>
        new MoveTelling(screen, log, Json, parsed).TellAsync(run, failure => Fail(failure, ExitStatus.Findings), () => _stopped = true);

    private async Task TakeAsync(string operation, int slot, Func<Task<SlotPlan>> planning, IEnumerable<int> left, CancellationToken stop)
    {
        try
        {
            stop.ThrowIfCancellationRequested();
            var plan = await planning();
            if (IsRehearsal)
                Show(plan);
            else
                await CarryOutAsync(plan, left, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            ReportStopped("Stopped on request before slot " + Number(slot) + " was touched.", left.Prepend(slot));
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            var result = new RedisSlotMigrationResult { Slot = slot, Operation = operation, Outcome = MigrationOutcome.Failed, Reason = failure.Message, Cluster = session };
            await ReportAsync(result, failure, ExitStatus.Of(failure), left, stop);
        }
    }

    private void Show(SlotPlan plan)
    {
        _wouldWrite |= plan.Commands.Count > 0;
        if (Json)
            screen.Json(plan);
        else if (plan.Refusal is null)
            PlanList.Write(screen, plan);
        if (plan.Refusal is { } refusal)
            Fail(refusal, ExitStatus.Of(refusal));
    }

    private async Task CarryOutAsync(SlotPlan plan, IEnumerable<int> left, CancellationToken stop)
    {
        if (plan is { IsDone: false, Refusal: null })
            screen.Note(PlanList.Heading(plan));
        foreach (var warning in PlanList.Warnings(plan))
            screen.Warning(warning);
        var outcome = await new MoveProgress(screen, log).FollowAsync(plan.Slot, redis.CarryOutAsync(plan, stop));
        // By now the command line was right and the cluster could be read: a node that is lost on the way is a slot that failed.
        await ReportAsync(outcome.Result, outcome.Failure, ExitStatus.Findings, left, stop);
    }

    private async Task ReportAsync(RedisSlotMigrationResult result, RedisOperationException? failure, int status, IEnumerable<int> left, CancellationToken stop)
    {
        if (!Json)
            ResultLine.Write(screen, result, failure);
        else if (result is { Operation: "Start" or "Restart" } && failure is null)
            screen.JsonEach(await redis.GetOpenSlotsAsync([result.Slot], stop));
        else
            screen.Json(result);
        if (failure is { Code: FailureCode.Stopped })
            ReportStopped(failure.Message, left.Prepend(result.Slot));
        else if (failure is not null)
            Fail(failure, status);
    }

    private void Fail(RedisOperationException failure, int status)
    {
        _status = Math.Max(_status, status);
        screen.Failure(failure.Code.ToString(), failure.Message, failure.NextStep, parsed);
    }

    /// <param name="left">Slots that are not done; where slots can be named, the command to go on with names just these.</param>
    private void ReportStopped(string message, IEnumerable<int> left)
    {
        _stopped = true;
        _status = ExitStatus.Findings;
        screen.Failure(nameof(FailureCode.Stopped), message, null, parsed);
        var isOfRun = parsed.CommandResult.Command.Options.All(option => option.Name != SlotOption.Name) || SameCommand.IsGiven(parsed, UndoCommand.MigrationIdName);
        screen.Next(isOfRun ? SameCommand.Of(parsed) : SameCommand.Of(parsed, SlotOption.Name, [SlotOption.Name, .. left.Select(Number)]));
    }

    private int End()
    {
        if (_wouldWrite && !Json)
            screen.Out.WriteLine("nothing was written; to do it: " + SameCommand.Of(parsed, without: "--what-if"));
        return _status;
    }

    private static string Number(int slot) => slot.ToString(CultureInfo.InvariantCulture);
}
