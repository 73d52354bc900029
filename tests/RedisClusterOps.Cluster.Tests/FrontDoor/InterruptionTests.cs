using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>Ctrl+C ends rco soon, in a state with a name, and says the command that goes on from there.</summary>
[Collection(nameof(FrontDoorCluster))]
public sealed class InterruptionTests(FrontDoorCluster fixture)
{
    [Fact]
    public async Task In_the_middle_of_100_000_keys_it_ends_within_a_second_or_so_and_its_next_command_moves_the_rest()
    {
        const int Keys = 100_000;
        var (big, small) = (await fixture.StuckSlotAsync(Keys, moved: 0), await fixture.StuckSlotAsync(keys: 6, moved: 1));
        // Slowed down so that the middle is long enough to be met on any machine.
        string[] arguments = ["complete", "--slot", big.ToString(), small.ToString(), "--max-keys-per-second", "40000", "--cluster", fixture.Entry];
        using var first = fixture.Rco.Start(arguments);
        while (await TestCluster.CountKeysAsync(fixture.Target, big) < Keys / 10)
            await Task.Delay(20);

        var clock = Stopwatch.StartNew();
        first.Interrupt();
        var stopped = await first.EndAsync();
        await fixture.Rco.AssertSoonAsync(clock.Elapsed);

        stopped.AssertEnded(1);
        Assert.InRange(await TestCluster.CountKeysAsync(fixture.Source, big), 1, Keys * 9 / 10);
        var error = Assert.Single(stopped.ErrorLines, line => line.StartsWith("error: "));
        Assert.StartsWith("error: Stopped: ", error);
        Assert.Contains("lot " + big, error);
        Assert.Contains("Migrating", error);
        Assert.Equal(arguments.Order(), stopped.Next().Order());
        Assert.Equal(fixture.Target.Id, (await TestCluster.OwnLineOfAsync(fixture.Source)).MigratingTo[big]);

        var finished = await fixture.Rco.RunAsync(stopped.Next());

        finished.AssertEnded(0);
        Assert.Equal(0, await TestCluster.CountKeysAsync(fixture.Source, big));
        Assert.Equal(Keys, await RightValuesAsync(big, Keys));
        Assert.Equal(6, await RightValuesAsync(small, 6));
        (await fixture.RunAsync("open-slots", "--slot", big.ToString(), small.ToString())).AssertEnded(0);
    }

    [Fact]
    public async Task Between_two_slots_it_names_the_ones_that_are_left()
    {
        var (first, second, third) = (await fixture.StuckSlotAsync(3, 1), await fixture.StuckSlotAsync(3, 1), await fixture.StuckSlotAsync(3, 1));
        using var stop = new CancellationTokenSource();
        using var output = new WatchedWriter(text => text.Contains("Completed", StringComparison.Ordinal), stop.Cancel);
        using var errors = new StringWriter();

        var status = await new Console.FrontDoor(new Screen(output, errors))
            .RunAsync(["complete", "--slot", first + "," + second + "," + third, "--cluster", fixture.Entry], stop.Token);

        Assert.Equal(1, status);
        Assert.Contains("error: Stopped: Stopped on request before slot " + second + " was touched.", errors.ToString());
        Assert.Contains("next: rco complete --slot " + second + " " + third + " --cluster " + fixture.Entry, errors.ToString());
        Assert.Equal(second, (await TestCluster.OwnLineOfAsync(fixture.Source)).MigratingTo.Keys.Single(slot => slot == second));
        (await fixture.RunAsync("complete", "--slot", second.ToString(), third.ToString())).AssertEnded(0);
    }

    [Fact]
    public async Task After_the_last_slot_there_is_nothing_to_stop_and_it_is_done()
    {
        var slot = await fixture.StuckSlotAsync(3, 1);
        using var stop = new CancellationTokenSource();
        using var output = new WatchedWriter(text => text.Contains("Completed", StringComparison.Ordinal), stop.Cancel);
        using var errors = new StringWriter();

        var status = await new Console.FrontDoor(new Screen(output, errors)).RunAsync(["complete", "--slot", slot.ToString(), "--cluster", fixture.Entry], stop.Token);

        Assert.True(status == 0, errors.ToString());
        Assert.DoesNotContain("error:", errors.ToString());
    }

    [Fact]
    public async Task Before_anything_began_the_next_command_is_the_same_one()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        using var output = new StringWriter();
        using var errors = new StringWriter();

        var status = await new Console.FrontDoor(new Screen(output, errors)).RunAsync(["open-slots", "--slot", "1", "--cluster", fixture.Entry], stop.Token);

        Assert.Equal(1, status);
        Assert.Equal((string.Empty, "error: Stopped: Stopped on request.\nnext: rco open-slots --slot 1 --cluster " + fixture.Entry + "\n"), (output.ToString(), errors.ToString()));
    }

    // By the target itself, many at a time: as an application would, it takes too long.
    private async Task<int> RightValuesAsync(int slot, int keys)
    {
        using var connection = await fixture.Target.ConnectAsync();
        var right = 0;
        foreach (var part in LabWedge.KeysOf(slot, keys).Chunk(5000))
        {
            var replies = await connection.SendAsync([.. part.Select(key => RespCommand.Of("GET", key))], null, default);
            right += part.Zip(replies).Count(pair => pair.Second.Text == LabWedge.ValueOf(pair.First));
        }

        return right;
    }

    /// <summary>Does something as soon as something was written.</summary>
    private sealed class WatchedWriter(Func<string, bool> seen, Action then) : StringWriter
    {
        public override void Write(char value)
        {
            base.Write(value);
            Look();
        }

        public override void Write(string? value)
        {
            base.Write(value);
            Look();
        }

        public override void Write(char[] buffer, int index, int count)
        {
            base.Write(buffer, index, count);
            Look();
        }

        private void Look()
        {
            if (seen(ToString()))
                then();
        }
    }
}
