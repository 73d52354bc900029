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

/// <summary><c>rco complete</c>: Complete-RedisSlotMigration.</summary>
internal static class CompleteCommand
{
    private const string Description =
        "Complete a slot's migration: move the keys that are left, then hand the slot over, the target first. "
        + "Never CLUSTER SETSLOT NODE while the source holds keys: it would delete them.";

    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var move = new MoveOptionSet();
        var slot = new Option<int[]>("--slot")
        {
            Description = "The slot, 0 to 16383; several may be given.",
            HelpName = "slot",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
            CustomParser = ParameterParsers.Slots,
        };
        var source = new Option<string?>("--source") { Description = "The master that the keys leave (id, id prefix or host:port), where the slot does not tell.", HelpName = "node" };
        var target = new Option<string?>("--target") { Description = "The master that the keys go to (id, id prefix or host:port), where the slot does not tell.", HelpName = "node" };
        var whatIf = new Option<bool>("--what-if") { Description = "Read and check everything, print the plan, write nothing." };
        var json = JsonOption.Create();
        var command = new Command("complete", Description) { slot, source, target, whatIf, json };
        move.AddTo(command);
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var log = new OperationLog();
            using var redis = new RedisCluster(session, log);
            var run = new Run(screen, redis, log, parsed, parsed.GetValue(json));
            var options = move.Read(parsed);
            var status = ExitStatus.Done;
            var left = new Queue<int>(parsed.GetValue(slot)!);
            while (left.TryDequeue(out var number))
            {
                try
                {
                    var plan = await redis.PlanCompletionAsync(number, parsed.GetValue(source), parsed.GetValue(target), options, stop);
                    if (parsed.GetValue(whatIf))
                        run.Show(plan);
                    else if (!await run.CarryOutAsync(plan, left, stop))
                        status = Math.Max(status, ExitStatus.Findings);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    run.ReportStopped("Stopped on request before slot " + number.ToString(CultureInfo.InvariantCulture) + " was touched.", left.Prepend(number));
                }
                catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
                {
                    status = Math.Max(status, ExitStatus.Of(failure));
                    run.Report(Failed(number, failure, session), failure, left);
                }

                if (run.IsStopped)
                    return ExitStatus.Findings;
            }

            return status;
        }
    }

    private static RedisSlotMigrationResult Failed(int slot, RedisOperationException failure, RedisClusterSession session) => new()
    {
        Slot = slot,
        Operation = "Complete",
        Outcome = MigrationOutcome.Failed,
        Reason = failure.Message,
        Cluster = session,
    };

    private sealed class Run(Screen screen, RedisCluster redis, OperationLog log, ParseResult parsed, bool json)
    {
        public void Show(SlotPlan plan)
        {
            if (json)
                screen.Json(plan);
            else
                PlanList.Write(screen, plan, parsed);
        }

        /// <returns>False where the slot failed.</returns>
        public async Task<bool> CarryOutAsync(SlotPlan plan, IEnumerable<int> left, CancellationToken stop)
        {
            if (!plan.IsDone)
                screen.Note(PlanList.Heading(plan));
            foreach (var warning in plan.Warnings)
                screen.Warning(warning);
            var outcome = await new MoveProgress(screen, log).FollowAsync(plan.Slot, redis.CompleteAsync(plan, stop));
            Report(outcome.Result, outcome.Failure, left);
            return outcome.Failure is null && outcome.Result.Outcome != MigrationOutcome.Failed;
        }

        public void Report(RedisSlotMigrationResult result, RedisOperationException? failure, IEnumerable<int> left)
        {
            if (json)
                screen.Json(result);
            else
                Write(result, failure);
            if (failure is { Code: FailureCode.Stopped })
                ReportStopped(failure.Message, left.Prepend(result.Slot));
            else if (failure is not null)
                screen.Failure(failure.Code.ToString(), failure.Message, failure.NextStep, parsed);
        }

        /// <summary>True once the work was stopped on request and what is left of it was told.</summary>
        public bool IsStopped { get; private set; }

        /// <param name="left">Slots that are not done; the command to go on with names just these.</param>
        public void ReportStopped(string message, IEnumerable<int> left)
        {
            IsStopped = true;
            screen.Failure(nameof(FailureCode.Stopped), message, null, parsed);
            screen.Next(SameCommand.Of(parsed, "--slot", ["--slot", .. left.Select(slot => slot.ToString(CultureInfo.InvariantCulture))]));
        }

        private void Write(RedisSlotMigrationResult result, RedisOperationException? failure)
        {
            var (word, color) = failure is { Code: FailureCode.Stopped } ? (nameof(FailureCode.Stopped), Color.Yellow)
                : result.Outcome == MigrationOutcome.Failed ? (nameof(MigrationOutcome.Failed), Color.Red)
                : (result.Outcome.ToString(), Color.Green);
            screen.Out.Write(new Text(word, new Style(color)));
            screen.Out.WriteLine("  slot " + result.Slot.ToString(CultureInfo.InvariantCulture) + (result.Source is null ? string.Empty : What(result)));
            if (failure is null && result.Reason is not null)
                screen.Out.WriteLine("  " + result.Reason);
        }

        private static string What(RedisSlotMigrationResult result) =>
            "  " + result.Source + " -> " + result.Target
            + "  " + Quantity.Keys(result.KeysMoved) + " moved"
            + (result.KeysConflicting > 0 ? ", " + Quantity.Count(result.KeysConflicting) + " conflicting" : string.Empty)
            + "  " + Quantity.Time(result.Elapsed);
    }
}
