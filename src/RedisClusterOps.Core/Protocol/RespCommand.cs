using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>A command: a list of byte arguments. Its text shows no secret, no value and no list of key names.</summary>
internal sealed class RespCommand
{
    private static readonly Encoding Utf8 = new UTF8Encoding(false);

    private RespCommand(byte[][] arguments) => Arguments = arguments;

    public IReadOnlyList<byte[]> Arguments { get; }

    /// <summary>The text to show instead, for a command whose secret arguments this type does not know; null for its own.</summary>
    public string? Shown { get; private set; }

    /// <summary>Makes a command from strings (as UTF-8), integers and byte arrays.</summary>
    /// <exception cref="ArgumentException">An argument is of another type.</exception>
    public static RespCommand Of(params object[] arguments)
    {
        var bytes = new byte[arguments.Length][];
        for (var i = 0; i < arguments.Length; i++)
        {
            bytes[i] = arguments[i] switch
            {
                byte[] raw => raw,
                string text => Utf8.GetBytes(text),
                int or long => Utf8.GetBytes(Convert.ToString(arguments[i], CultureInfo.InvariantCulture)!),
                _ => throw new ArgumentException("An argument is a string, an integer or a byte array.", nameof(arguments)),
            };
        }

        return new RespCommand(bytes);
    }

    /// <summary>The same command with another text.</summary>
    public RespCommand ShownAs(string text) => new([.. Arguments]) { Shown = text };

    /// <summary>The command as a user would type it, for plans and traces.</summary>
    public override string ToString()
    {
        if (Shown is not null)
            return Shown;
        var name = ArgumentText(0);
        var written = new StringBuilder(name);
        for (var i = 1; i < Arguments.Count; i++)
        {
            var text = ArgumentText(i);
            if (IsCommand(name, "AUTH"))
                return written.Append(" ***").ToString();
            if (IsCommand(name, "RESTORE") && i == 3)
            {
                written.Append(" <").Append(Arguments[i].Length).Append(" bytes>");
            }
            else if (IsCommand(name, "MIGRATE") && i > 5 && text is "AUTH" or "AUTH2")
            {
                written.Append(' ').Append(text).Append(text == "AUTH" ? " ***" : " *** ***");
                i += text == "AUTH" ? 1 : 2;
            }
            else if (IsCommand(name, "MIGRATE") && i > 5 && text == "KEYS")
            {
                var count = Arguments.Count - i - 1;
                return written.Append(" KEYS <").Append(count).Append(count == 1 ? " key>" : " keys>").ToString();
            }
            else
            {
                written.Append(' ').Append(text.Length == 0 ? "\"\"" : Printable.Clean(Printable.Quote(Arguments[i]), 120));
            }
        }

        return written.ToString();
    }

    private string ArgumentText(int index) => Utf8.GetString(Arguments[index]);

    private static bool IsCommand(string name, string expected) => string.Equals(name, expected, StringComparison.OrdinalIgnoreCase);
}
