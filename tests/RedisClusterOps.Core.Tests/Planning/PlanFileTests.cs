using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A plan is read from its file as it was written, and no other file is accepted as a plan.</summary>
public sealed class PlanFileTests : IDisposable
{
    private static readonly RedisRebalancePlan Plan = new PlannedCluster(PlannedCluster.Runs(5461, 5462, 5461, 0).OwnerOfSlot,
        4) { Open = [(16383, 2, 1, true)], Info = _ => "redis_version:8.6.3" }
        .Plan(new RebalanceOptions { UseEmptyMaster = true, Threshold = 1.5, Weights = new Dictionary<string,
            double> { ["10.0.0.1:6379"] = 0.5, [PlannedCluster.Id(1)] = 2 } });

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-plan-");

    private string File => Path.Combine(_folder.FullName, "plan.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_plan_survives_the_round_trip()
    {
        PlanFile.Write(File, Plan);
        Assert.NotEmpty(Plan.Findings);
        Assert.Equal(Text(Plan), Text(PlanFile.Read(File)));
        Assert.Equal("10.0.0.1:6379", PlanFile.Read(File).Cluster!.ToString());
    }

    [Fact]
    public void Any_plan_survives_the_round_trip() => Prop.ForAll(RebalanceArbitraries.Cases, any =>
    {
        var plan = any.Cluster.Plan(any.Options);
        PlanFile.Write(File, plan);
        Assert.Equal(Text(plan), Text(PlanFile.Read(File)));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));

    [Fact]
    public void The_largest_plan_fits()
    {
        // Every slot a range of its own, and nearly all of them move.
        var cluster = new PlannedCluster(Enumerable.Range(0, 16384).Select(slot => slot % 500).ToList(), 1000);
        var plan = cluster.Plan(new RebalanceOptions { Weights = Enumerable.Range(0, 500).ToDictionary(PlannedCluster.Id, _ => 0.0),
            UseEmptyMaster = true });
        PlanFile.Write(File, plan);
        Assert.InRange(new FileInfo(File).Length, 1, PlanFile.LongestFile / 2);
        Assert.Equal(16384, PlanFile.Read(File).SlotCount);
    }

    [Fact]
    public void The_file_is_readable_and_contains_no_secret()
    {
        var session = RedisClusterSession.Parse("redis://operator:s3cret@10.0.0.1:6379");
        PlanFile.Write(File, Plan with { Cluster = session });
        var text = System.IO.File.ReadAllText(File);
        Assert.Contains("\n  \"operation\": \"Rebalance\"", text.Replace("\r", string.Empty));
        Assert.DoesNotContain("s3cret", text);
        Assert.DoesNotContain("operator", text);
        Assert.Equal(1, JsonDocument.Parse(text).RootElement.GetProperty("version").GetInt32());
    }

    [Fact]
    public void An_existing_file_is_replaced_and_no_other_file_is_left()
    {
        System.IO.File.WriteAllText(File, new string('x', 1_000_000));
        PlanFile.Write(File, Plan);
        Assert.Equal(Plan.SlotCount, PlanFile.Read(File).SlotCount);
        Assert.Equal(["plan.json"], _folder.GetFiles().Select(file => file.Name));
    }

    [Fact]
    public void A_path_that_can_not_be_written_is_one_clear_error()
    {
        var path = Path.Combine(_folder.FullName, "no", "such", "plan.json");
        var failure = Assert.Throws<RedisOperationException>(() => PlanFile.Write(path, Plan));
        Assert.Equal((FailureCode.InvalidPlanFile, path), (failure.Code, failure.Subject));
        Assert.Contains(path, failure.Message);
    }

    [Fact]
    public void A_missing_file_is_one_clear_error() => Assert.Contains(File, Refused().Message);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("null}")]
    [InlineData("[1,2]")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":\"one\"}")]
    [InlineData("{\"version\":99999999999999999999}")]
    [InlineData("<xml/>")]
    [InlineData("{\"version\":1,\"moves\":{\"__type\":\"System.IO.FileInfo\"}}")]
    [InlineData("{\"__type\":\"System.Diagnostics.Process\",\"version\":1}")]
    public void A_file_that_is_not_a_plan_is_refused(string text)
    {
        System.IO.File.WriteAllText(File, text);
        Refused();
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "version is 2")]
    [InlineData("\"operation\": \"Rebalance\"", "\"operation\": \"Destroy\"", "operation is not one of Rebalance, Move, Undo")]
    [InlineData("\"slots\": \"0-5460\"", "\"slots\": \"0-5461\"", "slot 5461 has two owners in before")]
    [InlineData("\"slots\": \"0-5460\"", "\"slots\": \"0-5460,7\"", "a slot appears twice in a list of before")]
    [InlineData("\"slots\": \"0-5460\"", "\"slots\": \"0-16384\"", "'0-16384' in before is not a range of slots")]
    [InlineData("\"slots\": \"0-5460\"", "\"slots\": \"0-5459\"", "slot 5460 moves from 10.0.0.1:6379, which does not have it in before",
        "\"slots\": \"0-3640\"", "\"slots\": \"0-3639,5460\"")]
    [InlineData("\"method\": \"Atomic\"", "\"method\": \"Magic\"", "the method of a move is not one of Atomic, KeyByKey")]
    [InlineData("\"code\": \"AtomicNotPossible\"", "\"code\": \"17\"", "the code of a finding")]
    [InlineData("\"threshold\": 1.5", "\"threshold\": -1", "threshold can't be -1")]
    [InlineData("\"by\": \"Slots\"", "\"by\": \"Luck\"", "by is not one of Slots, Keys, Memory")]
    [InlineData("10.0.0.4:6379", "10.0.0.4\\u001b[2J", "is not plain text")]
    public void A_manipulated_file_is_refused_with_the_reason(string part, string with, string wrong, string? part2 = null,
        string? with2 = null)
    {
        PlanFile.Write(File, Plan);
        var text = Plain(System.IO.File.ReadAllText(File));
        Assert.Contains(part, text);
        var changed = text.Replace(part, with);
        if (part2 is not null)
            changed = changed.Replace(part2, with2);
        System.IO.File.WriteAllText(File, changed);
        Assert.Contains(wrong, Refused().Message);
    }

    [Fact]
    public void Moves_must_lead_from_before_to_after_and_the_fingerprint_must_match()
    {
        Assert.Contains("fingerprint", RefusedAs(Plan with { Fingerprint = "0123456789abcdef" }));
        Assert.Contains("after does not match before and the moves", RefusedAs(Plan with { Moves = [Plan.Moves[0]] }));
        Assert.Contains("moves twice", RefusedAs(Plan with { Moves = [.. Plan.Moves, Plan.Moves[0]] }));
        Assert.Contains("not in before",
            RefusedAs(Plan with { Moves = [.. Plan.Moves.Select(move => move with { TargetId = PlannedCluster.Id(77) })] }));
        Assert.Contains("is not a node id",
            RefusedAs(Plan with { Moves = [.. Plan.Moves.Select(move => move with { TargetId = "x" })] }));
        Assert.Contains("as its source and its target",
            RefusedAs(Plan with { Moves = [.. Plan.Moves.Select(move => move with { Target = move.Source, TargetId = move.SourceId })] }));
        Assert.Contains("a move has no slot", RefusedAs(Plan with { Moves = [.. Plan.Moves, Plan.Moves[0] with { Ranges = [] }] }));
        Assert.Contains("appears twice in before", RefusedAs(Plan with { Before = [.. Plan.Before, Plan.Before[3]] }));
        Assert.Contains("estimatedKeys can't be -1",
            RefusedAs(Plan with { Moves = [.. Plan.Moves.Select(move => move with { EstimatedKeys = -1 })] }));
    }

    [Fact]
    public void A_file_longer_than_any_plan_is_not_read_to_its_end()
    {
        using (var file = System.IO.File.Create(File))
            file.SetLength(1L << 33);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("longer than any plan", Refused().Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        System.IO.File.WriteAllText(File, "{\"version\":1,\"moves\":" + string.Concat(Enumerable.Repeat("[", 100_000))
            + string.Concat(Enumerable.Repeat("]", 100_000)) + "}");
        Refused();
    }

    [Fact]
    public void A_truncated_file_is_not_a_plan()
    {
        PlanFile.Write(File, Plan);
        var bytes = System.IO.File.ReadAllBytes(File);
        var end = Array.LastIndexOf(bytes, (byte)'}');
        for (var length = 0; length <= end; length += 37)
        {
            System.IO.File.WriteAllBytes(File, bytes[..length]);
            Refused();
        }
    }

    [Fact]
    public void Any_byte_changed_gives_the_same_plan_a_consistent_one_or_an_error() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).Select(seed => new Random(seed)).ToArbitrary(), random =>
    {
        PlanFile.Write(File, Plan);
        var bytes = System.IO.File.ReadAllBytes(File);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        System.IO.File.WriteAllBytes(File, bytes);
        try
        {
            // The fingerprint covers the slots and their owners.
            Assert.Equal(Plan.Fingerprint, PlanFile.Read(File).Fingerprint);
        }
        catch (RedisOperationException refusal)
        {
            Assert.Equal(FailureCode.InvalidPlanFile, refusal.Code);
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private string RefusedAs(RedisRebalancePlan plan)
    {
        PlanFile.Write(File, plan);
        return Refused().Message;
    }

    private RedisOperationException Refused()
    {
        var refusal = Assert.Throws<RedisOperationException>(() => PlanFile.Read(File));
        Assert.Equal((FailureCode.InvalidPlanFile, File), (refusal.Code, refusal.Subject));
        Assert.Contains(File, refusal.Message);
        Assert.DoesNotContain("xml", refusal.Message, StringComparison.OrdinalIgnoreCase);
        return refusal;
    }

    // The writer of JSON escapes what need not be.
    private static string Plain(string text) => text.Replace("\\/", "/");

    private static string Text(RedisRebalancePlan plan)
    {
        var text = new StringBuilder(plan.Operation).Append(plan.Fingerprint).Append(plan.CreatedAt.ToString("o"))
            .Append(plan.Cluster).Append(plan.Options).AppendLine();
        foreach (var move in plan.Moves)
            text.AppendLine(string.Join(' ', move, move.SourceId, move.TargetId, move.EstimatedKeys, move.EstimatedBytes, move.Method));
        foreach (var share in plan.Before.Concat(plan.After))
            text.AppendLine(string.Join(' ', share, share.Id, share.Keys, share.Bytes, share.Weight, share.SlotRanges));
        foreach (var finding in plan.Findings)
            text.AppendLine(finding.ToString());
        return text.ToString();
    }
}
