using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Replies to MIGRATE that a run of many slots does not expect: what it counts, reports and sends again.</summary>
public class BulkSurpriseTests
{
    private const string Failed = "ERR Target instance replied with error: ";
    private const string KeyExists = Failed + "BUSYKEY Target key name already exists.";
    private const string Down = Failed + "CLUSTERDOWN The cluster is down";

    private static readonly MoveOptions Options = new() { Method = MoveMethod.KeyByKey };

    [Fact]
    public void Keys_that_moved_before_an_error_are_counted()
    {
        var scene = TwoSlots();
        var all = scene.Source.Keys.CountIn(SlotMap.MovingPart) + 1;
        var run = Move(scene, Options, (batch, _) => batch == 1 ? KeyExists : null, isExecuted: true);
        AssertAllMoved(scene, run);
        Assert.Equal(all, run.Outcomes.Sum(outcome => outcome.Result.KeysMoved));
    }

    [Fact]
    public void Keys_that_a_target_refused_while_it_was_down_are_sent_again_after_it_accepts_others()
    {
        var (scene, isDown) = (TwoSlots(), true);
        var run = Move(scene, Options, (_, _) =>
        {
            var wasDown = isDown;
            isDown = false;
            return wasDown ? Down : null;
        });
        AssertAllMoved(scene, run);
        Assert.DoesNotContain(run.Messages, message => message.Contains("individually", StringComparison.Ordinal));
    }

    [Fact]
    public void A_slot_that_the_target_refuses_while_it_accepts_others_moves_individually_and_the_log_gives_the_reply()
    {
        var (scene, refusals) = (TwoSlots(keysBeside: 40), 0);
        var refused = SlotMap.Name(RespCommand.Of(SlotMap.KeyOf(SlotMap.Beside, "beside0")).Arguments[0]);
        var run = Move(scene, Options, (_, migrate) => KeysOf(migrate).Contains(refused) && ++refusals <= 2 ? Down : null);
        AssertAllMoved(scene, run);
        Assert.Contains(run.Messages, message => message.Contains("individually, because " + Down, StringComparison.Ordinal));
    }

    [Fact]
    public void A_slot_that_alone_is_refused_does_not_keep_the_others_open()
    {
        var scene = TwoSlots();
        var refused = SlotMap.Name(RespCommand.Of(SlotMap.KeyOf(SlotMap.Beside, "beside0")).Arguments[0]);
        var options = Options with { Timeout = TimeSpan.FromSeconds(5) };
        var run = Move(scene, options, (_, migrate) => KeysOf(migrate).Contains(refused) ? Down : null);
        Assert.Equal([SlotMap.Moving], run.Outcomes.Where(outcome => outcome.Failure is null).Select(outcome => outcome.Result.Slot));
        scene.Cluster.Ledger.RequireNothingLost();
    }

    // BUSYKEY, too, shows that the target serves its slots again.
    [Fact]
    public void A_target_that_answers_for_a_key_is_no_longer_down()
    {
        var scene = TwoSlots();
        var options = Options with { Timeout = TimeSpan.FromMilliseconds(100) };
        AssertAllMoved(scene, Move(scene, options, (batch, _) => batch == 1 ? Down : batch == 2 ? KeyExists : null));
    }

    // The keys of many slots return in batches of the size that was asked for, as those of a single slot do.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_batch_size_also_limits_the_keys_of_many_slots_that_return(int size)
    {
        var scene = new Scene(ServerRules.Redis70, Start.Migrating, seed: 1, new SceneOptions { Clients = 0 });
        var batches = new List<int>();
        var core = new InterceptingConnector(scene.Cluster, sending =>
        {
            batches.Add(sending.Commands.Where(IsMigrate).Sum(migrate => KeysOf(migrate).Count));
            return sending.ForwardAsync();
        });
        using var cluster = new RedisCluster(scene.Session, core, null) { KeepsJournal = false, LooksAhead = false };
        var outcome = Assert.Single(Operation.ResultOf(UndoAsync()));
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(size, batches.Max());

        async Task<List<SlotOutcome>> UndoAsync()
        {
            (int, string?, string?)[] slots = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            var options = new MoveOptions { BatchSize = size };
            var plans = await cluster.PlanUndosAsync(slots, UndoStrategy.PullBack, false, options, default);
            return await TakeAsync(await cluster.RunTogetherAsync(plans, default));
        }
    }

    // The target evicts the keys after the slot was reported, and the time for the run ends.
    [Fact]
    public void A_run_that_ends_early_does_not_say_that_no_key_is_lost_after_it_reported_a_loss()
    {
        var (scene, readings) = (new Scene(ServerRules.Redis70, Start.Stable, seed: 1, new SceneOptions { Clients = 0 }), 0);
        var until = scene.Cluster.Clock.UtcNow + TimeSpan.FromMilliseconds(500);
        var options = Options with { Until = until, BatchSize = 1, MaxKeysPerSecond = 5 };
        var core = new InterceptingConnector(scene.Cluster, sending => sending.ForwardWithRepliesAsync((command, reply) =>
        {
            if (sending.Commands.Count == 1 && InterceptedSend.Is(command, "INFO stats") && ++readings > 1)
                return RespValue.Bulk("evicted_keys:1\r\n");
            return readings > 1 && InterceptedSend.Is(command, "CLUSTER COUNTKEYSINSLOT") ? RespValue.Number(0) : reply;
        }));
        var run = Move(scene, options, core, [SlotMap.Moving]);
        Assert.Equal([null, FailureCode.KeysMissing], run.Outcomes.Select(outcome => outcome.Failure?.Code));
        Assert.Null(run.EndedEarly);
    }

    private static bool IsMigrate(RespCommand command) => InterceptedSend.Is(command, "MIGRATE");

    private static List<string> KeysOf(RespCommand migrate) =>
        InterceptedSend.Text(migrate).Split(' ').SkipWhile(word => word != "KEYS").Skip(1).ToList();

    private static Scene TwoSlots(int keysBeside = 1)
    {
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1, new SceneOptions { TargetHasSlots = true, Clients = 0 });
        scene.Cluster.Assign(SlotMap.BesidePart, scene.Source.Index);
        for (var i = 0; i < keysBeside; i++)
        {
            var key = SlotMap.KeyOf(SlotMap.Beside, "beside" + i);
            scene.Source.Keys.Set(0, SlotMap.BesidePart, key, new StoredValue("stays"));
            scene.Cluster.Ledger.Acknowledged(0, key, new StoredValue("stays"));
        }

        return scene;
    }

    private static void AssertAllMoved(Scene scene, Run run)
    {
        Assert.Equal([SlotMap.Moving, SlotMap.Beside], run.Outcomes.Select(outcome => outcome.Result.Slot).Order());
        Assert.All(run.Outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        scene.Cluster.Ledger.RequireNothingLost();
    }

    /// <param name="errorOf">The error of a MIGRATE, by the number of the batch from 1; null to execute it.</param>
    /// <param name="isExecuted">True if a MIGRATE with an error is executed all the same.</param>
    private static Run Move(Scene scene, MoveOptions options, Func<int, RespCommand, string?> errorOf, bool isExecuted = false)
    {
        var batch = 0;
        var core = new InterceptingConnector(scene.Cluster, async sending =>
        {
            batch += sending.Commands.Any(IsMigrate) ? 1 : 0;
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
            {
                var error = IsMigrate(command) ? errorOf(batch, command) : null;
                var reply = error is null || isExecuted ? (await sending.ForwardAsync([command]))[0] : null;
                replies.Add(error is null ? reply! : RespValue.Error(error));
            }

            return replies;
        });
        return Move(scene, options, core, [SlotMap.Moving, SlotMap.Beside]);
    }

    private static Run Move(Scene scene, MoveOptions options, InterceptingConnector core, IEnumerable<int> slots)
    {
        using var log = new OperationLog();
        using var cluster = new RedisCluster(scene.Session, core, log) { KeepsJournal = false, LooksAhead = false };
        var (outcomes, early) = Operation.ResultOf(MoveAsync());
        var messages = new List<string>();
        while (log.TryTake(out var logged, TimeSpan.Zero))
            messages.Add(logged!.Message);
        return new Run(outcomes, messages, early);

        async Task<(List<SlotOutcome> Outcomes, RedisOperationException? Early)> MoveAsync()
        {
            var moves = slots.Select(slot => (slot, scene.Source.Id, scene.Target.Id)).ToList();
            var plan = await cluster.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
            var run = await cluster.RunMovesAsync(plan, plan.Moves, options, default);
            return (await TakeAsync(run), run.EndedEarly);
        }
    }

    private static async Task<List<SlotOutcome>> TakeAsync(SlotMoveRun run)
    {
        var outcomes = new List<SlotOutcome>();
        while (await run.NextAsync() is { } some)
            outcomes.AddRange(some);
        return outcomes;
    }

    private sealed record Run(List<SlotOutcome> Outcomes, List<string> Messages, RedisOperationException? EndedEarly);
}
