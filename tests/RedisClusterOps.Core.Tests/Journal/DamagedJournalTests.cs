using System;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

public sealed class DamagedJournalTests : IDisposable
{
    private readonly TestJournal _journal = new();

    private static readonly bool IsFullProof = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";

    private static readonly int Rounds = IsFullProof ? 20_000 : 400;

    [Fact]
    public void A_line_torn_at_any_byte_is_harmless()
    {
        var whole = _journal.BytesOfRun(5, 7);
        for (var length = 1; length <= whole.Length; length++)
        {
            // A short proof tests both sides of each line break, and every fourth byte between.
            var isAtBreak = whole[length - 1] == '\n' || (length < whole.Length && whole[length] == '\n');
            if (!IsFullProof && !isAtBreak && length % 4 != 0)
                continue;
            _journal.Write(whole[..length]);
            var runs = _journal.Read();
            // Before the first line is whole nothing was touched, and there is no run.
            var lines = whole[..length].Count(b => b == '\n');
            Assert.Equal(lines > 0 ? 1 : 0, runs.Count);
            Assert.All(runs, run => Assert.Equal(0, run.DamagedLines));
            // begin, planned 5, planned 7, intent 5, outcome 5, intent 7, outcome 7, end.
            Assert.All(runs, run => Assert.Equal(
                (lines >= 5 ? 1 : 0) + (lines >= 7 ? 1 : 0), run.SlotsDone));
            Assert.All(runs, run => Assert.Equal(lines == 8 ? MigrationState.Completed : MigrationState.Interrupted, run.State));
        }
    }

    // As root and on Windows it is hard to make a folder unreadable. A file in its place can't be listed either.
    [Fact]
    public void An_unreadable_folder_is_not_a_folder_without_runs()
    {
        File.WriteAllText(_journal.Folder.Path, "no folder");
        var failure = Assert.Throws<RedisOperationException>(() => new JournalReader(_journal.Folder).Read());
        Assert.Equal(
            (FailureCode.JournalUnavailable, "the same command with -JournalPath <a folder that can be read>"),
            (failure.Code, failure.NextStep()));
        Assert.StartsWith("The journal can't be read at '" + _journal.Folder.Runs + "': ", failure.Message);
        Assert.Equal(
            FailureCode.JournalUnavailable,
            Assert.Throws<RedisOperationException>(() => new JournalReader(_journal.Folder).Find("2026")).Code);
    }

    [Theory]
    [InlineData("no json at all")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"kind\":\"intent\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":16384,\"outcome\":\"Completed\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":-1,\"outcome\":\"Completed\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":99999999999,\"outcome\":\"Completed\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":7,\"outcome\":\"Splendid\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":7,\"outcome\":\"77\"}")]
    [InlineData(
        "{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":7,\"outcome\":\"Completed\","
            + "\"keysMoved\":9223372036854775807}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":7,\"outcome\":\"Completed\",\"keysMoved\":-5}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"yesterday\",\"slot\":7,\"outcome\":\"Completed\"}")]
    [InlineData("{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000\",\"slot\":7,\"outcome\":\"Completed\"}")]
    [InlineData("{\"kind\":\"begin\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"operation\":\"X\",\"seeds\":[null],\"nodeIds\":[null]}")]
    [InlineData("{\"kind\":\"explode\",\"at\":\"2026-11-23T10:00:00.0000000Z\"}")]
    [InlineData("{\"kind\":{\"kind\":\"end\"},\"at\":\"2026-11-23T10:00:00.0000000Z\"}")]
    [InlineData("\u0000\u0001\u0002")]
    public void A_damaged_line_in_the_middle_is_skipped_and_counted(string line)
    {
        var lines = Encoding.UTF8.GetString(_journal.BytesOfRun(5)).Split('\n').ToList();
        lines.Insert(3, line);
        _journal.Write(Encoding.UTF8.GetBytes(string.Join("\n", lines)));
        var run = _journal.Only();
        Assert.Equal((1, 1, 1, MigrationState.Completed), (run.DamagedLines, run.SlotCount, run.SlotsDone, run.State));
    }

    [Fact]
    public void Deeply_nested_lines_are_damage()
    {
        foreach (
            var deep in new[] { new string('[', 500_000), "{\"x\":" + new string('[', 500_000), string.Concat(
                Enumerable.Repeat("{\"a\":", 100_000)) })
        {
            _journal.Write([.. _journal.BytesOfRun(5), .. Encoding.ASCII.GetBytes(deep + "\n")]);
            Assert.Equal((1, 1), (_journal.Only().DamagedLines, _journal.Only().SlotsDone));
        }
    }

    [Fact]
    public void Random_bytes_are_never_more_than_damage()
    {
        var random = new Random(20261123);
        var whole = _journal.BytesOfRun(5, 7);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = (byte[])whole.Clone();
            for (var hit = random.Next(1, 6); hit > 0; hit--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            _journal.Write(bytes);
            var run = _journal.Only();
            Assert.InRange(run.DamagedLines, 0, 6);
            Assert.InRange(run.SlotsDone, 0, run.SlotCount);
        }
    }

    [Theory]
    [InlineData("\"colour\":\"red\",")]
    [InlineData("\"colour\":{\"red\":[1,{\"deep\":null}]},")]
    public void Members_of_a_newer_version_are_ignored(string members)
    {
        _journal.Write(
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_journal.BytesOfRun(5)).Replace("{\"kind\"", "{" + members + "\"kind\"")));
        Assert.Equal((0, MigrationState.Completed), (_journal.Only().DamagedLines, _journal.Only().State));
    }

    [Fact]
    public void The_name_of_a_type_is_never_resolved()
    {
        var lines = Encoding.UTF8.GetString(_journal.BytesOfRun(5)).Split('\n').ToList();
        lines.Insert(
            3,
            "{\"__type\":\"FileInfo:#System.IO\",\"kind\":\"progress\",\"at\":\"2026-11-23T10:00:00.0000000Z\","
            + "\"slot\":71,\"keysMoved\":1}");
        _journal.Write(Encoding.UTF8.GetBytes(string.Join("\n", lines)));
        Assert.Equal((1, 1, MigrationState.Completed), (_journal.Only().DamagedLines, _journal.Only().SlotCount, _journal.Only().State));
    }

    [Fact]
    public void A_line_of_100_MB_is_refused_without_being_held_in_memory()
    {
        var path = _journal.Write(_journal.BytesOfRun(5));
        using (var file = new FileStream(path, FileMode.Append))
        {
            file.Write("{\"kind\":\""u8);
            var block = new byte[1 << 20];
            Array.Fill(block, (byte)'x');
            for (var written = 0; written < 100; written++)
                file.Write(block);
            file.Write("\"}\n{\"kind\":\"end\",\"at\":\"2026-11-23T11:11:11.0000000Z\"}\n"u8);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var run = _journal.Only();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal((1, new DateTime(2026, 11, 23, 11, 11, 11)), (run.DamagedLines, run.Ended));
    }

    [Fact]
    public void An_endless_file_is_read_up_to_a_limit()
    {
        var endless = new EndlessLines();
        Assert.Null(LineReader.Read(endless).Last());
        Assert.InRange(endless.Returned, LineReader.LongestFile, LineReader.LongestFile + (1 << 20));
    }

    [Fact]
    public void Files_that_are_no_runs_are_ignored()
    {
        foreach (var name in new[] { "notes.txt", "x.jsonl", "20261399T999999Z-00000a", "20261123T090000Z-00000g", "..jsonl" })
            _journal.Write(Encoding.ASCII.GetBytes("garbage\n"), name);
        Assert.Empty(_journal.Read());
    }

    [Fact]
    public void Only_the_newest_thousand_runs_are_listed()
    {
        var bytes = _journal.BytesOfRun(5);
        for (var number = 0; number < JournalReader.MostRuns + 5; number++)
            _journal.Write(bytes, "20261123T09" + (number / 60 % 60).ToString("00") + (number % 60).ToString("00") + "Z-00000a");
        var runs = _journal.Read();
        Assert.Equal(JournalReader.MostRuns, runs.Count);
        Assert.DoesNotContain(runs, run => run.Id == "20261123T090000Z-00000a");
    }

    [Fact]
    public void Control_characters_are_shown_as_text()
    {
        var text = Encoding.UTF8.GetString(_journal.BytesOfRun(5)).Replace("\"Complete\"", "\"\\u001b[2JComplete\"");
        _journal.Write(Encoding.UTF8.GetBytes(text));
        Assert.Equal("\\x1b[2JComplete", _journal.Only().Operation);
    }

    [Fact]
    public void A_partly_written_line_of_a_full_disk_is_damage_at_any_length()
    {
        var bytes = _journal.BytesOfRun(5);
        var first = Array.IndexOf(bytes, (byte)'\n') + 1;
        var line = Encoding.UTF8.GetBytes(
            "{\"kind\":\"outcome\",\"at\":\"2026-11-23T10:00:00.0000000Z\",\"slot\":71,\"keysMoved\":123,"
            + "\"outcome\":\"Completed\",\"reason\":\"{a}\\\"}b\"}");
        for (var length = 1; length < line.Length; length++)
        {
            _journal.Write([.. bytes[..first], .. line[..length], (byte)'\n', .. bytes[first..]]);
            Assert.Equal(
                (1, 1, MigrationState.Completed), (_journal.Only().DamagedLines, _journal.Only().SlotCount, _journal.Only().State));
        }

        _journal.Write([.. bytes[..first], .. line, (byte)'\n', .. bytes[first..]]);
        Assert.Equal((0, 2), (_journal.Only().DamagedLines, _journal.Only().SlotCount));
    }

    public void Dispose() => _journal.Dispose();

    // Mostly lines that are too long: the reader is quick with them, so that it reaches its limit within a second.
    private sealed class EndlessLines : MemoryStream
    {
        private int _reads;

        public long Returned { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Array.Fill(buffer, _reads++ % 64 == 0 ? (byte)'\n' : (byte)'x', offset, count);
            Returned += count;
            return count;
        }
    }
}
