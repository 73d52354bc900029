using System;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco lab tour</c>: a stuck slot from diagnosis to proof, then a rebalance, on a cluster of its own that is gone afterwards.</summary>
internal static class LabTourCommand
{
    public static Command Create(Screen screen, FrontDoor door)
    {
        var command = new Command(
            "tour", "Start a throw-away cluster, get slot 5519 stuck as in the runbook, diagnose it, complete it, spread the slots over all masters, prove that no key was lost, clean up.");
        command.SetAction((_, stop) => RunAsync(screen, door, stop));
        return command;
    }

    private static async Task<int> RunAsync(Screen screen, FrontDoor door, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var server = await LabServer.FindAsync(screen, stop);
        Tour tour;
        await using (var cluster = await StartAsync(screen, server, stop))
        {
            tour = new Tour(screen, door, cluster);
            await tour.RunAsync(stop);
            tour.Heading("Clean up");
        }

        screen.Out.WriteLine("every server ended, every file removed");
        screen.Out.WriteLine();
        var time = " in " + Quantity.Time(clock.Elapsed);
        screen.Out.WriteLine(tour.Verified ? "verified: no key lost, slot complete, masters even" + time : "NOT VERIFIED" + time);
        RcoItself.Explain(screen);
        return tour.Verified ? ExitStatus.Done : ExitStatus.Findings;
    }

    private static Task<LocalCluster> StartAsync(Screen screen, ServerBinary server, CancellationToken stop)
    {
        screen.Out.WriteLine("Tour of a stuck slot migration: 4 masters of " + server.Name + " on this machine, thrown away at the end.");
        return LocalCluster.StartAsync(new LocalClusterOptions { Server = server }, stop);
    }

    private sealed class Tour(Screen screen, FrontDoor door, LocalCluster cluster)
    {
        // Keys all over the slots, so that a rebalance has some to move.
        private const int SpreadKeys = 2000;

        private readonly NodeEndpoint _entry = cluster.Nodes[0].Endpoint;
        private int _step;

        public bool Verified { get; private set; }

        public async Task RunAsync(CancellationToken stop)
        {
            var slot = LabWedge.DefaultSlot.ToString(CultureInfo.InvariantCulture);
            Heading("A cluster; one master has no slots yet");
            await RcoAsync(ExitStatus.Done, stop, "nodes");

            Heading("A migration of slot " + slot + " begins, moves a third of its keys, and is left");
            Command("lab wedge --keys " + Text(LabWedgeCommand.Keys) + " --moved " + Text(LabWedgeCommand.Moved));
            var wedge = new LabWedge(new ConnectionOptions(), [_entry]);
            var wedged = await wedge.WedgeAsync(keys: LabWedgeCommand.Keys, moved: LabWedgeCommand.Moved, cancellation: stop);
            screen.Out.WriteLine(
                Text(wedged.Keys.Count) + " keys written to " + wedged.Source + ", " + Text(wedged.Moved) + " of them moved to " + wedged.Target);

            Heading("What is wrong?");
            await RcoAsync(ExitStatus.Findings, stop, "check");
            screen.Out.WriteLine();
            await RcoAsync(ExitStatus.Findings, stop, "open-slots");

            Heading("What would completing it do?");
            await RcoAsync(ExitStatus.Done, stop, "complete", "--slot", slot, "--what-if");

            Heading("Complete it");
            await RcoAsync(ExitStatus.Done, stop, "complete", "--slot", slot);

            Heading("Proof, from every server itself");
            Verified = await ProveAsync(wedge, wedged, stop);
            await RcoAsync(null, stop, "check");

            Heading("Give the new master its share");
            await SpreadAsync(stop);
            await RcoAsync(ExitStatus.Done, stop, "map");
            screen.Out.WriteLine();
            await RcoAsync(ExitStatus.Done, stop, "plan", "--use-empty-master");
            screen.Out.WriteLine();
            await RcoAsync(ExitStatus.Done, stop, "rebalance", "--use-empty-master");
            screen.Out.WriteLine();
            await RcoAsync(ExitStatus.Done, stop, "map");

            Heading("The cluster afterwards, and every key once more");
            await RcoAsync(ExitStatus.Done, stop, "nodes");
            screen.Out.WriteLine();
            Verified &= await ProveAsync(wedge, wedged, stop);
            Verified &= await ReadSpreadAsync(stop);
        }

        public void Heading(string text)
        {
            _step++;
            screen.Out.WriteLine();
            screen.Out.Write(new Text(Text(_step) + ". " + text, new Style(decoration: Decoration.Bold)));
            screen.Out.WriteLine();
        }

        // Exactly what a person would type is what runs.
        private async Task RcoAsync(int? expected, CancellationToken stop, params string[] arguments)
        {
            string[] line = [.. arguments, "--cluster", _entry.ToString()];
            Command(string.Join(' ', line));
            var status = await door.RunAsync(line, stop);
            stop.ThrowIfCancellationRequested();
            if (expected is { } wanted && status != wanted)
                throw new LabException("rco " + string.Join(' ', line) + " ended with status " + Text(status) + ", not " + Text(wanted) + ".");
        }

        private async Task<bool> ProveAsync(LabWedge wedge, WedgedSlot wedged, CancellationToken stop)
        {
            var proof = await SlotProof.ReadAsync(cluster, wedged.Slot, wedged.Target, stop);
            foreach (var objection in proof.Objections)
                screen.Warning(objection);
            if (proof.Objections.Count == 0)
                screen.Out.WriteLine("all " + Text(proof.AskedNodes) + " nodes name " + wedged.Target + " as the owner of slot " + Text(wedged.Slot) + ", and none shows an open slot");
            var read = await wedge.ReadBackAsync(wedged.Slot, wedged.Keys.Count, stop);
            screen.Out.WriteLine(Text(read.Right) + " of " + Text(wedged.Keys.Count) + " keys read back with the value that was written");
            if (!read.IsComplete)
                screen.Warning(Text(read.Missing) + " keys are missing, " + Text(read.Wrong) + " have another value, " + Text(read.Unreadable) + " can't be read");
            return proof.Objections.Count == 0 && read.IsComplete;
        }

        private async Task SpreadAsync(CancellationToken stop)
        {
            using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), _entry);
            for (var i = 0; i < SpreadKeys; i++)
                await client.AskAsync(SpreadKey(i), RespCommand.Of("SET", SpreadKey(i), Text(i)), stop);
            screen.Out.WriteLine(Text(SpreadKeys) + " keys written all over the slots");
        }

        private async Task<bool> ReadSpreadAsync(CancellationToken stop)
        {
            using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), _entry);
            var right = 0;
            for (var i = 0; i < SpreadKeys; i++)
            {
                var reply = await client.AskAsync(SpreadKey(i), RespCommand.Of("GET", SpreadKey(i)), stop);
                right += !reply.IsError && !reply.IsNull && reply.Text == Text(i) ? 1 : 0;
            }

            screen.Out.WriteLine(Text(right) + " of " + Text(SpreadKeys) + " keys that were written all over the slots read back");
            return right == SpreadKeys;
        }

        private static byte[] SpreadKey(int number) => Encoding.UTF8.GetBytes("order:" + Text(number));

        private void Command(string line) => screen.Out.Write(new Text("$ rco " + line + Environment.NewLine, new Style(Color.Aqua)));

        private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
