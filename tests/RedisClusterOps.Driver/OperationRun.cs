using System;
using System.Collections.Generic;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Driver;

/// <summary>Runs one request on the core, as a cmdlet does, and writes each result when it is known.</summary>
internal sealed class OperationRun(DriverRequest request, RedisCluster redis, OperationLog log, CancellationToken stop)
{
    private bool _hasFailed;

    private MoveOptions Options => request.Options;

    /// <returns>The exit status: 0 if every slot is done, 1 if one is not.</returns>
    /// <exception cref="RedisOperationException">The operation could not be planned.</exception>
    public async Task<int> RunAsync()
    {
        switch (request.Operation)
        {
            case DriverOperation.Complete:
                await RunAsync([await redis.PlanCompletionAsync(Slot, request.Source, request.Target, Options, stop)]);
                break;
            case DriverOperation.Undo:
                await RunAsync([await redis.PlanUndoAsync(Slot, request.Source, request.Target, request.Strategy, false, Options, stop)]);
                break;
            case DriverOperation.Repair:
                await RunAsync(
                    await redis.PlanRepairAsync(new RepairOptions { Slots = request.Slot is { } slot ? [slot] : null }, Options, stop));
                break;
            case DriverOperation.Move:
                await RunAsync(await redis.PlanMoveAsync(request.Selection, Options, stop));
                break;
            case DriverOperation.Rebalance:
                await RunAsync(await redis.PlanRebalanceAsync(request.Rebalance, Options, stop));
                break;
            case DriverOperation.UndoRun:
                await RunAsync(
                    await redis.PlanUndoOfMovesAsync(request.MigrationId!, Options, stop),
                    () => redis.PlanUndoOfRunAsync(request.MigrationId!, request.Strategy, false, Options, stop));
                break;
            case DriverOperation.Resume:
                await RunAsync(await redis.PlanResumeOfMovesAsync(null, Options, stop), () => redis.PlanResumeAsync(null, Options, stop));
                break;
            case DriverOperation.AddNode:
                var endpoint = RedisClusterSession.Parse(request.Node!).Seeds[0];
                await redis.ChangeAsync(await redis.PlanAddAsync(endpoint, request.Master, Options.JournalPath, stop), stop);
                break;
            case DriverOperation.RemoveNode:
                await redis.RemoveAsync(
                    await redis.PlanRemovalAsync(request.Node!, true, false, false, Options.JournalPath, stop), stop);
                break;
            case DriverOperation.SetReplica:
                await redis.ChangeAsync(
                    await redis.PlanReplicaAsync(request.Node!, request.Master!, Options.JournalPath, stop), stop);
                break;
            case DriverOperation.FailOver:
                await redis.FailOverAsync(
                    await redis.PlanFailoverAsync(request.Node!, RedisFailoverMode.Graceful, Options.JournalPath, stop), stop);
                break;
            default:
                throw new InvalidOperationException("No such operation: " + request.Operation);
        }

        return _hasFailed ? 1 : 0;
    }

    private int Slot => request.Slot ?? throw new InvalidOperationException(request.Operation + " needs a slot.");

    private async Task RunAsync(RedisRebalancePlan? moves, Func<Task<IReadOnlyList<SlotPlan>>> slots)
    {
        if (moves is not null)
            await RunAsync(moves);
        else
            await RunAsync(await slots());
    }

    private async Task RunAsync(RedisRebalancePlan plan)
    {
        if (plan.Moves.Count == 0)
            return;
        var check = await redis.CheckMovesAsync(plan, Options, stop);
        await FollowAsync(await redis.RunMovesAsync(check, check.Moves, Options, stop));
    }

    private async Task RunAsync(IReadOnlyList<SlotPlan> plans)
    {
        await redis.RecordPlansAsync(plans, stop);
        foreach (var group in RedisCluster.GroupPlans(plans))
        {
            if (group.Count == 1)
                Write(await redis.CarryOutAsync(group[0], stop));
            else
                await FollowAsync(await redis.RunTogetherAsync(group, stop));
        }
    }

    private async Task FollowAsync(SlotMoveRun run)
    {
        while (await run.NextAsync() is { } outcomes)
        {
            foreach (var outcome in outcomes)
                Write(outcome);
        }
    }

    private void Write(SlotOutcome outcome)
    {
        WriteNotices();
        Console.Out.WriteLine(JsonSerializer.Serialize(new DriverResult(outcome.Result.Slot, outcome.Result.Outcome)));
        if (outcome.Failure is { } failure)
            Write(failure);
    }

    /// <summary>Writes a failure, after the notices that led to it.</summary>
    public void Write(RedisOperationException failure)
    {
        _hasFailed = true;
        WriteNotices();
        Write(new DriverMessage(failure.Code.ToString(), failure.Message, failure.NextStep()));
    }

    /// <summary>Writes what the core has logged so far, without its progress.</summary>
    public void WriteNotices()
    {
        while (log.TryTake(out var taken, TimeSpan.Zero))
        {
            if (taken!.Kind is OperationEventKind.Warning or OperationEventKind.State)
                Write(new DriverMessage(null, taken.Message, null));
        }
    }

    private static void Write(DriverMessage message) => Console.Error.WriteLine(JsonSerializer.Serialize(message));
}
