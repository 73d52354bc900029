using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A server that refuses SELECT in the middle, as after a change of its ACL, runs what follows in the database that was selected before.
/// </summary>
public class RefusedSelectTests
{
    private const string Refusal = "NOPERM User default has no permissions to run the 'select' command";

    [Theory]
    [InlineData("Move", 1)]
    [InlineData("Move", 2)]
    [InlineData("Move", 3)]
    [InlineData("Complete", 1)]
    [InlineData("Complete", 2)]
    public void No_command_for_keys_runs_in_a_database_that_it_is_not_meant_for(string operation, int refusedFrom)
    {
        var scene = new Scene(ServerRules.Valkey91WithDatabases, operation == "Move" ? Start.Stable : Start.Migrating, seed: 1);
        var selected = new ConditionalWeakTable<INodeConnection, StrongBox<int>>();
        var astray = new List<string>();
        var selects = 0;
        var refusing = new LyingConnector(scene.Cluster, async sending =>
        {
            var database = selected.GetOrCreateValue(sending.Connection);
            // Counts read every database, and tell which one they could not read.
            var counts = sending.Commands.Any(command => Sending.Is(command, "CLUSTER COUNTKEYSINSLOT"));
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
            {
                if (!counts && Sending.Text(command) == "SELECT 1" && ++selects >= refusedFrom)
                {
                    replies.Add(RespValue.Error(Refusal));
                    continue;
                }

                var reply = (await sending.GoOnAsync([command]))[0];
                if (Sending.Is(command, "SELECT ") && !reply.IsError)
                    database.Value = int.Parse(Sending.Text(command).Split(' ')[1]);
                if (Sending.Is(command, "MIGRATE ") && Sending.Text(command).Split(' ')[4] != database.Value.ToString())
                    astray.Add("in database " + database.Value + ": " + Sending.Text(command));
                replies.Add(reply);
            }

            return replies;
        });

        Operation.Named(operation).Run(scene, refusing);

        Assert.Empty(astray);
        scene.Cluster.Ledger.RequireNothingLost();
        var (attempts, violations) = Proof.Run(scene, Operation.Named(operation), scene.Cluster);
        Assert.True(violations.Count == 0, string.Join("; ", attempts) + "\n" + string.Join("\n", violations));
    }
}
