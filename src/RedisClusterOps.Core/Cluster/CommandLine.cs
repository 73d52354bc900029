using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>A command that a user wrote, as words. Its text shows no password and no value.</summary>
internal sealed class CommandLine
{
    private static readonly Encoding Utf8 = new UTF8Encoding(false);

    private CommandLine(IReadOnlyList<byte[]> words)
    {
        Command = RespCommand.Of([.. words]);
        Words = words.Select(Utf8.GetString).ToList();
        Name = Words[0].ToUpperInvariant();
        Subcommand = Words.Count > 1 ? Words[1].ToUpperInvariant() : string.Empty;
        Command = Command.ShownAs(TextOf(isAdministrative: false));
    }

    /// <summary>The command to send.</summary>
    public RespCommand Command { get; }

    /// <summary>The words as text.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>The first word in upper case.</summary>
    public string Name { get; }

    /// <summary>The second word in upper case; empty if there is none.</summary>
    public string Subcommand { get; }

    /// <summary>Makes a command from its words. A single text with spaces is divided into words as redis-cli does.</summary>
    /// <exception cref="RedisOperationException">InvalidArgument: there is no word, or a quotation mark is not closed.</exception>
    public static CommandLine Of(IReadOnlyList<string> words)
    {
        var all = words.Count == 1 ? Split(words[0]) : [.. words.Select(Utf8.GetBytes)];
        return all.Count > 0 && all[0].Length > 0 ? new CommandLine(all) : throw Invalid("The command is empty.");
    }

    /// <summary>
    /// The command for a prompt: passwords are replaced by ***, and of a command that takes values or a script only the first argument is
    /// shown, which is the key.
    /// </summary>
    /// <param name="isAdministrative">True if the server flags it as an administrative command, whose arguments are settings.</param>
    public string TextOf(bool isAdministrative) => Name switch
    {
        "AUTH" or "HELLO" => Shown(1) + " ***",
        "CONFIG" when Subcommand == "SET" => Shown(2) + Settings(2),
        "ACL" when Subcommand == "SETUSER" => Shown(Math.Min(3, Words.Count)) + Rules(3),
        "MODULE" => FirstOf(3),
        "EVAL" or "EVAL_RO" => Shown(1) + " <script>",
        "FUNCTION" when Subcommand is "LOAD" or "RESTORE" => FirstOf(2),
        "SCRIPT" => FirstOf(2),
        _ when isAdministrative => Shown(Words.Count),
        _ => FirstOf(2),
    };

    private string Shown(int count)
    {
        var text = new StringBuilder(Name);
        for (var i = 1; i < count; i++)
            text.Append(' ').Append(Word(i));
        return text.ToString();
    }

    private string FirstOf(int count)
    {
        var hidden = Words.Count - count;
        return Shown(Math.Min(count, Words.Count))
            + (hidden <= 0 ? string.Empty : " <" + hidden.ToString(CultureInfo.InvariantCulture) + " more>");
    }

    // Names and values alternate.
    private string Settings(int first)
    {
        var text = new StringBuilder();
        for (var i = first; i < Words.Count; i++)
        {
            var isSecret = (i - first) % 2 == 1 && IsSecret(Words[i - 1]);
            text.Append(' ').Append(isSecret ? "***" : Word(i));
        }

        return text.ToString();
    }

    // Rules that add or remove a password or its hash.
    private string Rules(int first)
    {
        var text = new StringBuilder();
        for (var i = first; i < Words.Count; i++)
            text.Append(' ').Append(Words[i].Length > 0 && "><#!".IndexOf(Words[i][0]) >= 0 ? Words[i][0] + "***" : Word(i));
        return text.ToString();
    }

    private static bool IsSecret(string setting) =>
        ServerErrors.Contains(setting, "pass") || ServerErrors.Contains(setting, "auth") || ServerErrors.Contains(setting, "secret")
        || ServerErrors.Contains(setting, "token");

    private string Word(int index) =>
        Words[index].Length == 0 ? "\"\"" : Printable.Clean(Printable.Quote(Command.Arguments[index]), 120);

    private static List<byte[]> Split(string text)
    {
        var words = new List<byte[]>();
        for (var at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
                at++;
            else
                words.Add(WordAt(text, ref at));
        }

        return words;
    }

    private static byte[] WordAt(string text, ref int at)
    {
        var word = new List<byte>();
        var plain = new StringBuilder();
        var quote = '\0';
        for (; at < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[at])); at++)
        {
            var c = text[at];
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && c is '"' or '\'' && (plain.Length == 0 && word.Count == 0))
                quote = c;
            else if (quote == '"' && c == '\\' && at + 1 < text.Length)
                Escape(text, ref at);
            else
                plain.Append(c);
        }

        if (quote != '\0')
            throw Invalid("A quotation mark of the command is not closed.");
        Flush();
        return [.. word];

        void Flush()
        {
            word.AddRange(Utf8.GetBytes(plain.ToString()));
            plain.Clear();
        }

        void Escape(string all, ref int position)
        {
            var next = all[++position];
            var digits = next == 'x' && position + 2 < all.Length ? all.Substring(position + 1, 2) : string.Empty;
            if (byte.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                Flush();
                word.Add(value);
                position += 2;
                return;
            }

            plain.Append(next switch { 'n' => '\n', 'r' => '\r', 't' => '\t', _ => next });
        }
    }

    private static RedisOperationException Invalid(string message) => new(
        FailureCode.InvalidArgument,
        message + " Nothing was sent.",
        next: NextAction.Advise("write each word as one argument, such as CONFIG GET maxmemory"));
}
